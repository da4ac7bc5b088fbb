#!/usr/bin/env bash
# Devices with a web page that takes images: HTTPUpdateServer, ElegantOTA 2 and 3, Tasmota; played after their sources.
source "$(dirname "$0")/../lib.sh"
HERE=$ROOT/tests/cli
cd "$WORK" || exit 1
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 200K
printf 'swordfish\n' >password
printf 'Swordfish\n' >wrong
chmod 600 password wrong

# start_device KIND ARGS...: a device; PAGE is its page, and what it took is in taken.
start_device() {
    rm -f taken web.log web.out
    python3 "$HERE/web_device.py" "$@" >web.out 2>web.err &
    DEVICE_PID=$!
    PIDS+=("$DEVICE_PID")
    wait_until 20 test -s web.out || not_ok "a device starts" "$(cat web.err)"
    PAGE=http://127.0.0.1:$(cat web.out)
    if [ "$1" = tasmota ]; then PAGE=$PAGE/up; else PAGE=$PAGE/update; fi
}
stop_device() {
    kill "$DEVICE_PID" 2>/dev/null
    wait "$DEVICE_PID" 2>/dev/null || true
}
took() { if [ -f taken ] && cmp taken "$2" >differs 2>&1; then ok "$1"; else not_ok "$1" "$(cat differs web.log web.err)"; fi; }
took_nothing() { if [ ! -f taken ]; then ok "$1"; else not_ok "$1" "$(cat web.log)"; fi; }
# once NAME STATUS [TEXT...] -- DEVICE-ARGS -- OTA-ARGS: one update of one device.
once() {
    local name=$1 status=$2 texts=() device=()
    shift 2
    while [ "$1" != -- ]; do texts+=("$1") && shift; done
    shift
    while [ "$1" != -- ]; do device+=("$1") && shift; done
    shift
    start_device "${device[@]}"
    run ota --http-upload "$PAGE" --file new.bin --return-timeout 0 "$@"
    expect "$name" "$status" "${texts[@]}"
    stop_device
}

# ---- updates
for kind in update-server elegant2 elegant3 tasmota; do
    start_device $kind --away 2
    run ota --http-upload "$PAGE" --file new.bin
    expect "$kind takes an image" 0 "err:an update that is interrupted begins anew" "err:Image put into $PAGE" "err:It is back"
    took "$kind has it" new.bin
    check "$kind: nobody waits for a 100 Continue" test -z "$(grep -v Expect=None web.log | grep Expect)"
    stop_device
    for auth in "" --digest; do
        # shellcheck disable=SC2086
        once "$kind with a password${auth:+ by digest}" 0 -- $kind --password swordfish $auth -- --password-file password
        took "$kind has it with a password${auth:+ by digest}" new.bin
        if [[ $ERR == *"in a form that everybody on the way can read"* ]]; then warned=1; else warned=; fi
        check "$kind: a password that can be read is warned of, and no other" test "$warned" = "${auth:-1}" -o "$warned$auth" = --digest
    done
    once "$kind with another password" 1 "err:has another user or password" -- $kind --password swordfish -- --password-file wrong
    took_nothing "$kind took nothing"
    once "$kind without its password" 1 "err:asks for a password" "err:give --password-file FILE" -- $kind --password swordfish --
    once "$kind refuses" 1 "err:does not take the " "err:it says '" -- $kind --fault refuse --
    took_nothing "and $kind took nothing"
    once "$kind is gone in the middle" 3 "err:127.0.0.1" -- $kind --fault cut --
    once "$kind says nothing in the end" 3 "err:was sent all of the image, but did not say that it takes it" -- $kind --fault silent --
done

# ---- users, file systems, addresses
start_device update-server --user me --password swordfish
run ota --http-upload "${PAGE/127/me@127}" --file new.bin --return-timeout 0 --password-file password
expect "a user of one's own" 0
took "is let in" new.bin
stop_device
start_device update-server
run ota --http-upload "${PAGE%/update}" --file new.bin --return-timeout 0
expect "the usual path" 0
took "needs not be named" new.bin
stop_device
mkdir site && echo hello >site/main.py
"$ESPOTA" fs make -q site -o site.bin --type littlefs --size 256K
for kind in update-server elegant2 elegant3; do
    start_device $kind
    run ota --http-upload "$PAGE" --file site.bin --file-system --return-timeout 0 --json
    expect "$kind takes a file system" 0 'out:"kind": "http"' 'out:"encryption"'
    took "$kind has its files" site.bin
    stop_device
done
start_device tasmota
run ota --http-upload "$PAGE" --file site.bin --file-system
expect "Tasmota's page is for apps" 1 "err:no image of its file system"
stop_device

# ---- what is wrong
head -c 5000 /dev/urandom >noise.bin
start_device update-server
run ota --http-upload "$PAGE" --file noise.bin
expect "what is no image" 4 "err:noise.bin"
took_nothing "does not leave this machine"
check "and nobody was asked" test ! -f web.log
stop_device
once "another page" 1 "err:is no page that takes images" -- router --
once "a page without end" 1 "err:sends a page of more than" -- update-server --fault huge --
once "an answer in other words" 1 "err:what it says of it is not known here: it says 'Hochladen erfolgreich'" -- tasmota --fault strange --
once "an answer that a terminal would obey" 1 "err:it says '" -- update-server --fault escape --
if grep -q $'[\001-\011\013-\037\177]' stdout stderr; then not_ok "is shown, not obeyed" "$(cat -v stderr)"; else ok "is shown, not obeyed"; fi
start_device update-server
run ota --http-upload "$PAGE/nowhere" --file new.bin
expect "a page that is not there" 1 "err:HTTP status 404 (no such page): check the path"
stop_device
run ota --http-upload "$PAGE" --file new.bin
expect "nobody there" 3 "err:127.0.0.1"
run ota --http-upload ftp://127.0.0.1/ --file new.bin
expect "another protocol" 2 "err:no http or https URL"
run ota --http-upload "http://me:secret@127.0.0.1/" --file new.bin
expect "a password in the URL" 2 "err:a password does not belong into a URL"
case $OUT$ERR in *secret*) not_ok "is not repeated" "$ERR" ;; *) ok "is not repeated" ;; esac
run ota --http-upload "$PAGE" --arduino 127.0.0.1 --file new.bin
expect "two devices" 2 "err:are different devices: give one"
run ota --http-upload "$PAGE" --listen-port 5000 --file new.bin
expect "nobody connects to us" 2 "err:go with --arduino HOST"
start_device update-server --away 60
run ota --http-upload "$PAGE" --file new.bin --return-timeout 2
expect "one that does not come back" 3 "err:it has the image, but did not come back in 2 s"
stop_device
