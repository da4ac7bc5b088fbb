#!/usr/bin/env bash
# Ctrl-C while a server is silent: on the way to an image or a patch, and where one device waits for the patch that another
# one gets. Nothing is left behind, and the same command goes on.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
SIZE=206032
make_build --version 1.0 --project lamp --seed 1 --size $SIZE --content xtensa
cp build/firmware.bin 1.0.bin
for version in 1.1 2.0; do "$MKIMAGE" -o $version.bin --version $version --project lamp --seed 1 --size $SIZE --content xtensa; done
mkdir server temporary
cp 2.0.bin server

# It takes what is asked for, and says nothing until the file 'speaks' is there: of an image silent.bin, and of patches.
cat >server.py <<'PY'
import http.server, os, time
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        with open("../asked", "a") as asked:
            asked.write(self.path + "\n")
        while ("patch" in self.path or "silent" in self.path) and not os.path.exists("../speaks"):
            time.sleep(0.05)
        super().do_GET()
os.chdir("server")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
python3 server.py >server.port 2>server.log &
PIDS+=($!)
served() { [ -s server.port ]; }
wait_until 20 served || not_ok "the server starts" "$(cat server.log)"
URL=http://127.0.0.1:$(cat server.port)

# board NAME APP
board() {
    cp "$2" build/firmware.bin
    "$ESPOTA" flash -q -p "file:$1.bin" --flash 4M -c esp32 build
    start_sim --flash-file "$1.bin"
    echo "$1,$UART" >>list.csv
}
echo name,address >list.csv
for name in one two three; do board $name 1.0.bin; done

# stopped NAME ASKED ARGS...: sent a SIGINT once the server was asked for ASKED, it ends within 8 seconds (none of the other
# ends of these waits comes so early), by the signal, and leaves nothing.
stopped() {
    local name=$1 asked=$2 pid status begun
    shift 2
    : >asked
    TMPDIR=$WORK/temporary "$ESPOTA" "$@" >out 2>err </dev/null &
    pid=$!
    asked() { grep -q "$asked" asked; }
    wait_until 20 asked || not_ok "$name" "it does not come to that" "$(cat out err server.log)"
    sleep 0.3 # so that others come to wait for it too: if they do not, there is less to stop
    begun=$(date +%s%N)
    kill -INT "$pid"
    wait "$pid"
    status=$?
    TOOK=$((($(date +%s%N) - begun) / 1000000))
    if [ "$status" -ne 130 ]; then
        not_ok "$name" "exit status $status" "$(cat out err)"
    elif [ "$TOOK" -gt 8000 ]; then
        not_ok "$name" "it took $TOOK ms" "$(cat out err)"
    elif [ -n "$(find temporary -type f)" ]; then
        not_ok "$name" "it leaves $(find temporary -type f)"
    else
        ok "$name"
    fi
    [ -z "${SHOW_TIMES:-}" ] || echo "# $TOOK ms"
}
ADDRESS=$(sed -n 's/^one,//p' list.csv)
stopped "an image that does not come" silent ota --port "$ADDRESS" --no-cache --url "$URL/silent.bin"
stopped "a patch that does not come" patch ota --port "$ADDRESS" --no-cache --url "$URL/2.0.bin"
stopped "one that several devices wait for" patch ota --devices list.csv --no-cache --url "$URL/2.0.bin"
[ "$(grep -c patch asked)" -eq 1 ] && ok "it was asked for once" || not_ok "it was asked for once" "$(cat asked)"
grep -q "3 failed" err && ok "each of them was stopped" || not_ok "each of them was stopped" "$(cat err)"

# the same command goes on
touch speaks
run ota --devices list.csv --no-cache --url "$URL/2.0.bin"
expect "the same command goes on" 0 "err:3 done"
