#!/usr/bin/env bash
# Arduino's and PlatformIO's espota.py command line, as they call it, with this program in its place.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
"$MKIMAGE" -o firmware.bin --version 2.0 --seed 2 --size 200K
# start_device ARGS...: PORT is that of a device; what it took is in taken.
start_device() {
    rm -f taken device.log device.out
    python3 "$ROOT/tests/cli/arduino_device.py" --out taken --log device.log "$@" >device.out 2>device.err &
    DEVICE_PID=$!
    PIDS+=("$DEVICE_PID")
    wait_until 20 test -s device.out || not_ok "a device starts" "$(cat device.err)"
    PORT=$(cat device.out)
}
stop_device() {
    kill "$DEVICE_PID" 2>/dev/null
    wait "$DEVICE_PID" 2>/dev/null
}
# called NAME STATUS [TEXT...] -- ARGS...: it ends so, with each text on stderr.
called() {
    local name=$1 status=$2 texts=() text
    shift 2
    while [ "$1" != -- ]; do texts+=("$1") && shift; done
    shift
    run "$@"
    if [ "$STATUS" -ne "$status" ]; then
        not_ok "$name" "exit status $STATUS instead of $status" "$ERR"
        return
    fi
    for text in "${texts[@]}"; do
        [[ "$ERR" == *"$text"* ]] || { not_ok "$name" "missing: $text" "$ERR"; return; }
    done
    ok "$name"
}
took() { if cmp -s taken "$2"; then ok "$1"; else not_ok "$1" "$(cat device.log)"; fi; }

start_device --password admin
called "as on its first lines" 0 "Sending invitation to 127.0.0.1" "Uploading: [====" "100% Done..." "[WARNING]: others can see a password" -- \
    -i 127.0.0.1 -p "$PORT" -f firmware.bin -a admin -r
took "it has the image" firmware.bin
rm taken
called "as platform-espressif32 calls it" 0 "[INFO]:" "Uploading: [====" -- --debug --progress -i 127.0.0.1 -f firmware.bin --port="$PORT" --auth=admin
took "it has the image of PlatformIO" firmware.bin
case $OUT$ERR in *admin*) not_ok "no password is printed" "$ERR" ;; *) ok "no password is printed" ;; esac
rm taken
called "as the Arduino IDE calls it" 0 "Uploading...." -- -i 127.0.0.1 -p "$PORT" --auth=admin -f firmware.bin
took "it has the image of the IDE" firmware.bin
free=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
called "with addresses of ours" 0 -- --ip=127.0.0.1 --host_ip 0.0.0.0 --host_port "$free" --port "$PORT" --auth admin --file firmware.bin --timeout 2
called "another password" 1 "[ERROR]:" "has another password" -- -i 127.0.0.1 -p "$PORT" -f firmware.bin -a wrong
called "no password" 1 "[ERROR]:" "asks for a password" -- -i 127.0.0.1 -p "$PORT" -f firmware.bin
called "a file that is not there" 1 "[ERROR]:" "cannot open nothing.bin" -- -i 127.0.0.1 -p "$PORT" -f nothing.bin
head -c 5000 /dev/urandom >data.bin
called "no image" 1 "[ERROR]:" "no image to write" -- -i 127.0.0.1 -p "$PORT" -f data.bin -a admin
stop_device
start_device --password admin --auth sha256-of-md5
called "the MD5 of it alone" 0 -- -i 127.0.0.1 -p "$PORT" -f firmware.bin -a admin -m
if [ "$(grep -c 'wrong proof' device.log)" -eq 0 ]; then ok "its SHA-256 is not tried"; else not_ok "its SHA-256 is not tried" "$(cat device.log)"; fi
stop_device
start_device
called "a file system" 0 -- --debug --progress -i 127.0.0.1 -p "$PORT" --spiffs -f data.bin
if grep -q 'with command 100' device.log; then ok "it is told what it is"; else not_ok "it is told what it is" "$(cat device.log)"; fi
stop_device
start_device --fault deaf
called "one that does not answer, for ten times the timeout" 1 "[ERROR]:" "does not answer" -- -i 127.0.0.1 -p "$PORT" -f firmware.bin -t 1
stop_device
called "no file" 1 "[CRITICAL]: Not enough arguments." -- -i 127.0.0.1
called "no number" 2 "invalid int value" -- -i 127.0.0.1 -p x -f firmware.bin
called "no such option" 2 "" -- -i 127.0.0.1 -f firmware.bin --nonsense
run -i 127.0.0.1 --help
if [ "$STATUS" -eq 0 ] && [[ "$OUT" == *"--host_port PORT"* ]]; then ok "its help"; else not_ok "its help" "$OUT"; fi
