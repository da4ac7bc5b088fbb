#!/usr/bin/env bash
# Devices with ArduinoOTA: a device in Python after arduino-esp32's ArduinoOTA.cpp judges what 'espota ota' sends.
source "$(dirname "$0")/../lib.sh"
HERE=$ROOT/tests/cli
cd "$WORK" || exit 1
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 200K
printf 'swordfish\n' >password
printf 'Swordfish\n' >wrong
printf 'p\303\244ssw\303\266rd' >umlauts
chmod 600 password wrong umlauts

# start_device ARGS...: a device; DEVICE is its address, and what it took is in taken.
start_device() {
    rm -f taken device.log device.out
    python3 "$HERE/arduino_device.py" --out taken --log device.log "$@" >device.out 2>device.err &
    DEVICE_PID=$!
    PIDS+=("$DEVICE_PID")
    wait_until 20 test -s device.out || not_ok "a device starts" "$(cat device.err)"
    DEVICE=127.0.0.1:$(cat device.out)
}
stop_device() {
    kill "$DEVICE_PID" 2>/dev/null
    wait "$DEVICE_PID" 2>/dev/null
}
took() { if [ -f taken ] && cmp taken "$2" >differs 2>&1; then ok "$1"; else not_ok "$1" "$(cat differs device.log)"; fi; }
took_nothing() { if [ ! -f taken ]; then ok "$1"; else not_ok "$1" "$(cat device.log)"; fi; }
# once NAME STATUS [TEXT...] -- DEVICE-ARGS -- OTA-ARGS: one update of one device.
once() {
    local name=$1 status=$2 texts=() device=()
    shift 2
    while [ "$1" != -- ]; do texts+=("$1") && shift; done
    shift
    while [ "$1" != -- ]; do device+=("$1") && shift; done
    shift
    start_device "${device[@]}"
    run ota --arduino "$DEVICE" --file new.bin --return-timeout 0 "$@"
    expect "$name" "$status" "${texts[@]}"
    stop_device
}

# ---- updates
start_device
run ota --arduino "$DEVICE" --file new.bin
expect "a device without a password" 0 "err:speaks ArduinoOTA: nothing is encrypted" "err:it restarts by itself" "err:Image put into $DEVICE" "err:It is back"
took "it has the image" new.bin
stop_device
for auth in md5 sha256 sha256-of-md5; do
    once "a password, by $auth" 0 -- --password swordfish --auth $auth -- --password-file password
    took "it has the image, by $auth" new.bin
done
case $ERR in *"has its password as MD5"*) ok "a sketch that has but the MD5 of it" ;; *) not_ok "a sketch that has but the MD5 of it" "$ERR" ;; esac
once "the old way is warned of" 0 "err:asks for its password by MD5" -- --password swordfish --auth md5 -- --password-file password
once "a password beyond ASCII" 0 -- --password pässwörd -- --password-file umlauts
once "an ESP8266's pauses" 0 -- --esp8266 -- -q
if [ -z "$ERR$OUT" ]; then ok "-q says nothing"; else not_ok "-q says nothing" "$ERR" "$OUT"; fi
once "a device that hears every third message" 0 -- --fault lossy --
took "it has the image in the end" new.bin
once "a proof that gets lost" 0 -- --password swordfish --fault lost-proof -- --password-file password
once "a slow device" 0 -- --fault slow --
took "a slow device has the image" new.bin
once "a port and address of ours" 0 -- -- --listen-at 127.0.0.1 --listen-port "$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
start_device
run ota --arduino "$DEVICE" --file new.bin --json --return-timeout 10
expect "a result" 0 'out:"kind": "arduino"' 'out:"returned": true' 'out:"restarted": true' 'out:"to": null'
if [ "$(jq -c .lacks <stdout)" = '["verification","encryption","resume"]' ]; then ok "what it lacks"; else not_ok "what it lacks" "$OUT"; fi
stop_device

# ---- file systems
mkdir files && echo hello >files/a.txt
run fs make files -o fs.bin --type littlefs --size 64K
start_device
run ota --arduino "$DEVICE" --file fs.bin --file-system --return-timeout 0
expect "an image of a file system" 0
took "it has the file system" fs.bin
if grep -q "with command 100" device.log; then ok "it is told what it is"; else not_ok "it is told what it is" "$(cat device.log)"; fi
run ota --arduino "$DEVICE" --file new.bin --file-system
expect "an app is no file system" 4 "err:new.bin is no image of a file system"
run ota --arduino "$DEVICE" --file fs.bin
expect "a file system is no app" 4 "err:fs.bin is no image to write"
stop_device

# ---- wrong passwords
once "no password" 1 "err:asks for a password; give --password-file" -- --password swordfish --
once "another password" 1 "err:has another password" -- --password swordfish -- --password-file wrong
if [ "$(grep -c 'wrong proof' device.log)" -eq 2 ]; then ok "both hashes of it are tried, each once"; else not_ok "both hashes of it are tried, each once" "$(cat device.log)"; fi
once "another password, by MD5" 1 "err:has another password" -- --password swordfish --auth md5 -- --password-file wrong
took_nothing "nothing was taken"
if ! grep -rq swordfish stdout stderr; then ok "no password is printed"; else not_ok "no password is printed"; fi

# ---- devices that are broken, or worse
once "words for an answer" 1 "err:it says 'ERR: ERROR[4]: Not Enough Space'" -- --fault words --
once "a challenge that is too long" 1 "err:asks for its password in a way that is not known" -- --fault long-challenge -- --password-file password
once "a challenge that is none" 1 "err:asks for its password in a way that is not known" -- --fault odd-challenge -- --password-file password
once "gone in the middle" 3 "err:update of 127.0.0.1" -- --fault half --
once "reset in the middle" 3 "err:update of 127.0.0.1" -- --fault reset --
once "OK before the end" 1 "err:it has not all of it" -- --fault early-ok --
once "an error while it writes" 1 "err:Flash Write" -- --fault write-error --
if ! grep -q $'\x1b' stderr; then ok "its words do not reach the terminal as they are"; else not_ok "its words do not reach the terminal as they are" "$ERR"; fi
once "it talks without end" 1 "err:says 'xxxxxx" -- --fault babble --
once "the image is not what it should be" 1 "err:MD5 Check Failed" -- --fault wrong-md5 --
took_nothing "it stays as it was"
once "no verdict" 3 "err:it has the image, but did not say that it takes it" -- --fault silent-end --
once "strangers are not let in" 0 "err:it was not let in" -- --fault stranger --
took "the device is" new.bin
if [ "$(grep -c 'stranger got b' device.log)" -eq 3 ]; then ok "they got nothing"; else not_ok "they got nothing" "$(cat device.log)"; fi
once "it does not connect" 3 "err:did not connect to 127.0.0.1:" "err:a firewall on this machine may keep it out" "err:--listen-port PORT" -- --fault no-connection --

# ---- and none at all
run ota --arduino "127.0.0.1:$(cat device.out)" --file new.bin
expect "nobody listens" 3 "err:nothing listens at 127.0.0.1"
start_device --dead-after
run ota --arduino "$DEVICE" --file new.bin --return-timeout 3 --json
expect "it does not come back" 3 "err:it has the image, but did not come back in 3 s"
run ota --arduino no-such-host.invalid --file new.bin
expect "no such host" 3 "err:cannot find host 'no-such-host.invalid'"

# ---- images and options
python3 - <<'PY'
def image(entry, load, data):
    checksum = 0xef
    for byte in data:
        checksum ^= byte
    body = bytes([0xe9, 1, 2, 0x40]) + entry.to_bytes(4, "little") + load.to_bytes(4, "little") + len(data).to_bytes(4, "little") + data
    return body + bytes(15 - len(body) % 16) + bytes([checksum])
loader = image(0x4010f4f4, 0x4010f000, bytes(range(256)) * 4)
whole = loader + bytes(4096 - len(loader)) + image(0x40100004, 0x40100000, bytes(range(255)) * 100)
open("esp8266.bin", "wb").write(whole)
open("short8266.bin", "wb").write(whole[:-300])
open("bad8266.bin", "wb").write(whole[:9000] + b"\x55\xaa" + whole[9002:])
PY
start_device --esp8266
run ota --arduino "$DEVICE" --file esp8266.bin --return-timeout 0
expect "an image for the ESP8266" 0
took "it has the image for the ESP8266" esp8266.bin
run ota --arduino "$DEVICE" --file short8266.bin
expect "one without its end" 4 "err:its end is missing"
run ota --arduino "$DEVICE" --file bad8266.bin
expect "a damaged one" 4 "err:its checksum is wrong"
run ota --arduino "$DEVICE" --file esp8266.bin --chip esp32
expect "for another chip" 4 "err:is an image for the ESP8266, but the device is an ESP32"
run ota --arduino "$DEVICE" --file new.bin --chip esp8266
expect "and the other way round" 4 "err:but the device is an ESP8266"
run ota --arduino "$DEVICE" --file new.bin --chip esp32c3
expect "for another ESP32" 4 "err:but the device is an ESP32-C3"
run ota --arduino 127.0.0.1:8266 --file new.bin
expect "an ESP8266's port" 4 "err:port 8266 is where an ESP8266 listens"
run ota --via rom --port /dev/null --file esp8266.bin
expect "no agent runs on an ESP8266" 4 "err:ESP8266"
stop_device
run ota --arduino 127.0.0.1 --host 127.0.0.1 --file new.bin
expect "two ways" 2 "err:of the options of connections it takes --chip alone"
run ota --host 127.0.0.1 --file new.bin --password-file password
expect "a password for nobody" 2 "err:--password-file goes with --arduino"
run ota --arduino 127.0.0.1:99999 --file new.bin
expect "a port that is none" 2 "err:is no address"
run ota --arduino 127.0.0.1 --file new.bin --trial
expect "no trial" 1 "err:cannot update 127.0.0.1:3232 on trial"
run ota --arduino 127.0.0.1 --file new.bin --monitor
expect "no console" 2 "err:--monitor"
: >empty
run ota --arduino 127.0.0.1 --file new.bin --password-file empty
expect "no password in a file" 2 "err:its first line is empty"
