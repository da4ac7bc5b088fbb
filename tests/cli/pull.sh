#!/usr/bin/env bash
# A device that fetches its image by itself, from servers that tell the truth and from others.
source "$(dirname "$0")/../lib.sh"
HERE=$ROOT/tests/cli
cd "$WORK" || exit 1
mkdir www
"$MKIMAGE" -o boot.bin --kind bootloader --size 20K
"$MKIMAGE" -o app.bin --size 64K
"$MKIMAGE" -o www/new.bin --version 2.0 --seed 2 --size 500K
"$MKIMAGE" -o www/other-chip.bin --chip esp32c3 --size 64K
"$MKIMAGE" -o www/large.bin --size 1200K
(cd www && md5sum new.bin >new.bin.md5 && cp new.bin wrong.bin && md5sum large.bin | sed s/large/wrong/ >wrong.bin.md5)
head -c 100 www/new.bin >www/short.bin
"$ESPOTA" key -q --new key >/dev/null
"$ESPOTA" flash -q --port file:fresh.bin --flash 4M --bootloader boot.bin --app app.bin

# start_server ARGS...: a server of www; URL is where it is, its log is in log.
start_server() {
    rm -f log server.out
    python3 "$HERE/pull_server.py" www log "$@" >server.out 2>server.err &
    SERVER_PID=$!
    PIDS+=("$SERVER_PID")
    wait_until 20 test -s server.out || not_ok "a server starts" "$(cat server.err)"
    URL=http://127.0.0.1:$(cat server.out)
}
stop_server() {
    kill "$SERVER_PID" 2>/dev/null
    wait "$SERVER_PID" 2>/dev/null || true
}
# start_board ARGS...: a device as it was on the first day.
start_board() {
    cp fresh.bin flash.bin
    start_sim --flash-file flash.bin --key key --listen 0 "$@"
}
pull() { run ota --host "$AGENT" --key key --pull "$@"; }
has_image() { if cmp -s -i "$((0x110000)):0" -n "$(stat -c %s "$2")" flash.bin "$2"; then ok "$1"; else not_ok "$1" "$(cat log)"; fi; }
untouched() { if cmp -s fresh.bin flash.bin; then ok "$1: nothing was written"; else not_ok "$1: nothing was written"; fi; }
boots() { "$ESPOTA" status --host "$AGENT" --key key 2>/dev/null | grep -q "^Boots next: *$1"; }
asked() { if [ "$(grep -c "$2" log)" -eq "$3" ]; then ok "$1"; else not_ok "$1" "$(cat log)"; fi; }
# once NAME STATUS [TEXT...] -- SERVER-ARGS -- OTA-ARGS: one update of one device.
once() {
    local name=$1 status=$2 texts=() server=()
    shift 2
    while [ "$1" != -- ]; do texts+=("$1") && shift; done
    shift
    while [ "$1" != -- ]; do server+=("$1") && shift; done
    shift
    start_server "${server[@]}"
    start_board
    pull "${@//URL/$URL}"
    expect "$name" "$status" "${texts[@]}"
    stop_sim
    stop_server
}

# ---- what it is for
once "an image" 0 "err:It fetches http://127.0.0.1:" "err:Image fetched and verified, total length = 512000 bytes (0 were" \
    "err:started from 'MicroPython_2' partition" -- -- --url URL/new.bin
has_image "all of it is there" www/new.bin
asked "with one request" "^/new.bin all" 1
once "what came of it, as JSON" 0 'out:"pulled": true' 'out:"to": "MicroPython_2"' 'out:"size": 512000' \
    "out:\"sha256\": \"$(sha256sum www/new.bin | cut -d' ' -f1)\"" 'out:"md5_checked": true' 'out:"kept": 0' -- -- \
    --url URL/new.bin --md5 --json
once "a query and a fragment's secret stay unsaid" 0 "err:It fetches http://127.0.0.1:" -- -- --url "URL/new.bin?token=swordfish"
if [[ $OUT$ERR == *swordfish* ]]; then not_ok "and nobody is told" "$ERR"; else ok "and nobody is told"; fi
start_server login:us@er:sword/fish
for who in "us%40er:sword%2ffish@ 0" "us%40er:sword@ 1" " 1"; do
    start_board
    pull --url "${URL/http:\/\//http://${who% *}}/new.bin"
    expect "who asks as '${who% *}'" "${who##* }"
    if [[ $OUT$ERR == *sword* ]]; then not_ok "and the password stays unsaid" "$ERR"; else ok "and the password stays unsaid"; fi
    stop_sim
done
stop_server
once "the MD5 is fetched beside it" 0 "err:MD5 Checksum check PASSED" -- -- --url "URL/new.bin?x=1" --md5
asked "before a query" "^/new.bin.md5?x=1 " 1
once "with another MD5" 4 "err:the MD5 check failed" "err:what boots is as it was" -- -- --url URL/wrong.bin --md5
once "without an MD5" 4 "err:an MD5 was asked for, but there is none" "err:HTTP status 404" -- -- --url URL/large.bin --md5
untouched "without an MD5"
once "another server is asked, once it was said so" 0 -- redirect -- --url URL/moved/new.bin
once "a server of FTP is not" 1 "err:redirects" -- away:ftp://127.0.0.1/new.bin -- --url URL/new.bin
untouched "FTP"
once "not in circles" 1 "err:redirects too often" -- away:/new.bin -- --url URL/new.bin

# ---- what is no image for it
once "a page for people" 4 "err:it is no app image" -- page -- --url URL/new.bin
untouched "a page"
once "less than a header" 4 "err:it is no app image" -- -- --url URL/short.bin
untouched "less than a header"
once "an image for another chip" 4 "err:it is an image for another chip" -- -- --url URL/other-chip.bin
untouched "another chip"
once "an image that is too large" 1 "err:larger than the partition" -- -- --url URL/large.bin
untouched "too large"
once "a file that is not there" 1 "err:HTTP status 404" -- -- --url URL/none.bin
once "no server" 1 "err:no connection to the server" -- -- --url http://127.0.0.1:1/new.bin
once "an unknown length" 1 "err:does not say how long it is" "err:without --pull the image is fetched here" -- no-length -- --url URL/new.bin
once "packed content" 1 "err:does not fit together" -- gzip -- --url URL/new.bin
untouched "packed content"
once "a part that nobody asked for" 1 "err:HTTP status 206" -- status:206 -- --url URL/new.bin
untouched "a part that nobody asked for"
once "a server that is busy" 1 "err:HTTP status 503" -- status:503 -- --url URL/new.bin
asked "is asked five times" "^/new.bin" 5

# ---- connections that break, servers that lie
once "a connection that breaks again and again" 0 -- cut:100000 -- --url URL/new.bin
has_image "it is there all the same" www/new.bin
asked "each time what is missing was asked for" "^/new.bin bytes=" 5
once "a connection that never brings anything" 1 "err:the connection to the server breaks" -- cut:0 -- --url URL/new.bin
for fault in no-range lie shift:4096 shift:1 total other flip no-etag; do
    once "after a break, a server with $fault" 0 -- once:300000 $fault -- --url URL/new.bin
    has_image "with $fault it is there" www/new.bin
done
once "a server that never brings more than half" 1 "err:the connection to the server breaks" "err:what boots is as it was" \
    -- cut:250000 no-range -- --url URL/new.bin
asked "is asked five times too" "^/new.bin" 5
once "chunks without the last one" 0 -- once:300000 chunks -- --url URL/new.bin
has_image "all of it came in them" www/new.bin
asked "that was enough" "^/new.bin" 2
once "a way that is good once" 0 -- once:300000 signed -- --url URL/new.bin
has_image "it is there by two ways" www/new.bin
asked "for the second one it was asked too" "^/new.bin" 2
once "a server that always lies of parts" 1 -- cut:300000 lie -- --url URL/new.bin

# ---- https
if command -v openssl >/dev/null; then
    for name in server stranger; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=127.0.0.1 \
            -addext subjectAltName=IP:127.0.0.1 -keyout $name.key -out $name.pem 2>/dev/null
    done
    start_server --tls server.pem server.key
    HTTPS=${URL/http:/https:}
    for case in "--certificate server.pem|0|err:Image fetched" "--certificate stranger.pem|4|err:does not trust the server" \
        "|4|err:does not trust the server" "--certificate app.bin|1|err:" "--certificate log|2|err:cannot use the certificate"; do
        IFS='|' read -r options status text <<<"$case"
        echo "no certificate" >log
        start_board
        # shellcheck disable=SC2086
        pull --url "$HTTPS/new.bin" $options
        expect "https ${options:-without a certificate}" "$status" "$text"
        [ "$status" -eq 0 ] || untouched "https ${options:-without a certificate}"
        stop_sim
    done
    stop_server
    start_server away:http://127.0.0.1:1/new.bin --tls server.pem server.key
    start_board
    pull --url "${URL/http:/https:}/new.bin" --certificate server.pem
    expect "what begins encrypted stays so" 1 "err:from https to http"
    untouched "from https to http"
    stop_sim
    stop_server
else
    skip "https" "no openssl"
fi

# ---- who watches, and who does not
# another host, which who watches takes the session from now and then
another() {
    local times
    for times in 1 2 3 4 5 6; do
        run "$@"
        [[ "$ERR" == *"has lost the session"* ]] || return 0
        echo "# $times: the session was lost"
    done
}
start_server --slow 250000
start_board
"$ESPOTA" ota --host "$AGENT" --key key --pull --url "$URL/new.bin" >first.out 2>&1 </dev/null &
FIRST=$!
wait_for log "^/new.bin" || not_ok "it begins"
another status --host "$AGENT" --key key
expect "another host looks at it meanwhile" 0 "out:MicroPython_1"
another ota --host "$AGENT" --key key --file www/new.bin
expect "and changes nothing" 1 "err:it is fetching an image by itself"
another ota --host "$AGENT" --key key --pull --url "$URL/other.bin"
expect "nor has it fetch something else" 1 "err:it is fetching an image by itself"
kill -9 $FIRST
wait $FIRST 2>/dev/null || true
run ota --host "$AGENT" --key key --pull --url "$URL/new.bin"
expect "the same order once more: it goes on with it" 0 "err:It is fetching http" "err:Image fetched and verified"
has_image "and has all of it" www/new.bin
asked "having asked once" "^/new.bin" 1
stop_sim

start_board
"$ESPOTA" ota --host "$AGENT" --key key --pull --restart --url "$URL/new.bin" >first.out 2>&1 </dev/null &
FIRST=$!
rm -f log
wait_for log "^/new.bin" || not_ok "it begins once more"
kill -9 $FIRST
wait $FIRST 2>/dev/null || true
wait_for "$SIM_LOG" "App version: *2.0" && ok "nobody watches: it finishes, and restarts" || not_ok "nobody watches: it finishes, and restarts" "$(tail -3 "$SIM_LOG")"
stop_sim

rm -f log
start_board
"$ESPOTA" ota --host "$AGENT" --key key --pull --url "$URL/new.bin" >first.out 2>&1 </dev/null &
FIRST=$!
wait_for log "^/new.bin" || not_ok "it begins a third time"
kill -INT $FIRST
wait $FIRST
[ $? -eq 130 ] && ok "Ctrl-C ends both" || not_ok "Ctrl-C ends both" "$(cat first.out)"
wait_for log "it hung up" && ok "the device hangs up" || not_ok "the device hangs up" "$(cat log)"
check "what boots is as it was" boots MicroPython_1
stop_server
start_server
pull --url "$URL/new.bin"
expect "after that it begins anew" 0 "err:Image fetched"
has_image "and is done" www/new.bin
stop_sim

stop_server
# a server that never gets to the point holds nobody who wants to leave
start_server drip
start_board
"$ESPOTA" ota --host "$AGENT" --key key --pull --url "$URL/new.bin" >first.out 2>&1 </dev/null &
FIRST=$!
wait_for log "^/new.bin" || not_ok "a head that drips: it begins"
kill -INT $FIRST
wait $FIRST
[ $? -eq 130 ] && ok "a head that drips: Ctrl-C ends it" || not_ok "a head that drips: Ctrl-C ends it" "$(cat first.out)"
wait_for log "it hung up" && ok "and the device hangs up" || not_ok "and the device hangs up" "$(cat log)"
check "having written nothing" cmp -s fresh.bin flash.bin
stop_sim
stop_server
once "a head without an end" 1 "err:the connection to the server breaks" -- flood -- --url URL/new.bin
untouched "a head without an end"
once "a sidecar of chunks that are none" 1 "err:the connection to the server breaks" -- mumble -- --url URL/new.bin --md5
untouched "a sidecar of chunks that are none"
start_server --slow 50000
start_board
"$ESPOTA" ota --host "$AGENT" --key key --pull --url "$URL/new.bin" >first.out 2>&1 </dev/null &
FIRST=$!
wait_for log "^/new.bin" || not_ok "it begins a fourth time"
stop_sim
wait $FIRST
[ $? -eq 3 ] && ok "a device that is gone" || not_ok "a device that is gone" "$(cat first.out)"
check "nobody knows how that ends" grep -q "whether the update was finished is not known" first.out
if grep -q "as it was" first.out; then not_ok "nor what boots"; else ok "nor what boots"; fi
stop_server

start_server
start_board
pull --url "$URL/new.bin" --restart
expect "with a restart" 0 "err:Restarted"
wait_for "$SIM_LOG" "App version: *2.0" && ok "the new app runs" || not_ok "the new app runs" "$(tail -3 "$SIM_LOG")"
stop_sim

# ---- power: who watched is patient with the first one; the others are not waited for
for cut in 20:torn 120:before 1500:bits; do
    start_board --power-cut "$cut"
    "$ESPOTA" ota --host "$AGENT" --key key --pull --url "$URL/new.bin" >first.out 2>&1 </dev/null &
    FIRST=$!
    wait_for "$SIM_LOG" "power failed" || not_ok "the power fails at $cut" "$(cat first.out)"
    [ "$cut" = 20:torn ] || kill -9 $FIRST
    wait $FIRST 2>/dev/null
    [ $? -ne 0 ] && ok "the power fails at $cut" || not_ok "the power fails at $cut" "$(cat first.out)"
    kill -HUP "$SIM_PID"
    check "what ran runs again" wait_until 20 boots MicroPython_1
    rm -f log
    pull --url "$URL/new.bin"
    expect "the next run finishes it" 0 "err:Image fetched"
    has_image "$cut: all of it is there" www/new.bin
    [ "$cut" != 1500:bits ] || { grep -q "^/new.bin bytes=[1-9]" log && ok "without asking for what is there" || not_ok "without asking for what is there" "$(cat log)"; }
    stop_sim
done

# ---- other boards
start_board --no-pull
pull --url "$URL/new.bin"
expect "an agent that is not built so" 1 "err:cannot fetch images by itself" "err:without --pull the image is fetched here"
stop_sim
start_board
pull --url "$URL/new.bin" --trial
expect "a trial with a bootloader that knows none" 1 "err:rollback is not enabled"
pull --url "$URL/new.bin" --force-factory
expect "no factory partition" 1 "err:no factory partition"
: >empty.pem
pull --url "$URL/new.bin" --certificate empty.pem
expect "a certificate that is none" 2 "err:empty.pem: the file is empty"
untouched "a certificate that is none"
run ota --port "$UART" --key key --pull --url "$URL/new.bin"
expect "over a line" 0 "err:Image fetched"
stop_sim
start_board --rollback
pull --url "$URL/new.bin" --trial
expect "on trial" 0 "err:partition on trial"
stop_sim
stop_server

# ---- what does not go together
for words in "--file app.bin" "--url http://x/ --canary 1 --restart" "--url http://x/ --timeout 3" \
    "--url http://x/ --monitor" "--url http://x/ --arduino x" ""; do
    # shellcheck disable=SC2086
    run ota --host 127.0.0.1 --key key --pull $words
    expect "--pull ${words:-alone}" 2
done
run ota --host 127.0.0.1:1 --key key --pull --url ftp://x/y
expect "--pull of what is no http" 2
