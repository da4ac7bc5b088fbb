#!/usr/bin/env bash
# The simulated app with ArduinoOTA: a host in Python, after arduino-esp32's espota.py, updates it, and so does 'espota ota'.
source "$(dirname "$0")/../lib.sh"
HOST=$ROOT/tests/cli/arduino_host.py
cd "$WORK" || exit 1
"$MKIMAGE" -o old.bin --version 1.0 --seed 1 --size 100K
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 200K
"$MKIMAGE" -o c3.bin --version 2.0 --seed 3 --size 100K --chip esp32c3
"$MKIMAGE" -o bootloader.bin --kind bootloader --size 20K
run flash --port file:flash.bin --flash 4M --chip esp32 --force2p --fs spiffs --bootloader bootloader.bin --app old.bin
table() { "$ESPOTA" table --port file:flash.bin --json | jq ".partitions[] | select(.name == \"$1\") | .$2"; }
slot=$(table MicroPython_2 offset)
fs_offset=$(table internalfs offset) fs_size=$(table internalfs size)
printf 'swordfish\n' >password
printf 'marlin\n' >wrong
chmod 600 password wrong

# start ARGS...: a simulator; ARDUINO is its address.
start() {
    start_ota_sim arduino "$@"
    ARDUINO=$OTA_ADDRESS
}
# host NAME STATUS TEXT ARGS...: the host in Python ends so.
host() {
    local name=$1 status=$2 text=$3 got
    shift 3
    python3 "$HOST" "${ARDUINO#*:}" "$@" >host.log 2>&1
    got=$?
    if [ "$got" -eq "$status" ] && grep -q -- "$text" host.log; then ok "$name"; else not_ok "$name" "status $got" "$(cat host.log sim.log)"; fi
}
boots() { if wait_for sim.log "App version:      $1"; then ok "$2"; else not_ok "$2" "$(cat sim.log)"; fi; }
forget() { : >sim.log; }

start
forget
host "a host updates it" 0 OK new.bin
boots 2.0 "it restarts into the new app"
if cmp -s -n 204800 -i "$slot:0" flash.bin new.bin; then ok "the other slot has it"; else not_ok "the other slot has it"; fi
forget
run ota --arduino "$ARDUINO" --file old.bin
expect "espota updates it back" 0 "err:It is back"
boots 1.0 "it restarts into that one"
forget
host "an MD5 that is not right" 1 "MD5 Check Failed" new.bin --wrong-md5
host "it goes on waiting" 1 "MD5 Check Failed" new.bin --wrong-md5
host "half an image" 1 cut new.bin --cut 100000
host "another chip's image" 1 "Could Not Activate" c3.bin
host "no image at all" 1 "Wrong Magic Byte" password --size 10
{ printf '\351' && head -c 3000000 /dev/zero; } >huge.bin
host "one that does not fit: nobody connects" 1 "it does not connect" huge.bin
run ota --arduino "$ARDUINO" --file c3.bin --chip esp32c3 --return-timeout 0
expect "its words are shown" 1 "err:Could Not Activate The Firmware"
if grep -q 'App version' sim.log; then not_ok "none of them restarts it" "$(cat sim.log)"; else ok "none of them restarts it"; fi
forget
kill -USR1 "$SIM_PID"
boots 1.0 "and the old app still boots"
mkdir files && echo hello >files/a.txt
run fs make files -o fs.bin --type littlefs --size "$fs_size"
run ota --arduino "$ARDUINO" --file fs.bin --file-system
expect "its file system" 0
if cmp -s -n "$fs_size" -i "$fs_offset:0" flash.bin fs.bin; then ok "the partition has it"; else not_ok "the partition has it"; fi
stop_sim

for auth in md5 sha256 sha256-of-md5; do
    start --password-file password --arduino-auth $auth
    digits=64
    [ $auth = md5 ] && digits=32
    md5=()
    [ $auth = sha256-of-md5 ] && md5=(--md5)
    host "another password, by $auth" 1 "Authentication Failed" new.bin --auth marlin "${md5[@]}"
    host "a host proves its password by $auth" 0 "challenge of $digits digits" new.bin --auth swordfish "${md5[@]}"
    run ota --arduino "$ARDUINO" --file old.bin --password-file wrong
    expect "espota's is wrong, by $auth" 1 "err:has another password"
    run ota --arduino "$ARDUINO" --file old.bin --password-file password
    expect "espota's is right, by $auth" 0 "err:It is back"
    stop_sim
done

# power fails in the middle, and it is as it was
start --power-cut 40:torn
forget
run ota --arduino "$ARDUINO" --file new.bin
expect "power fails while it writes" 3 "err:update of $ARDUINO not finished"
kill -HUP "$SIM_PID"
boots 1.0 "the old app boots"
run ota --arduino "$ARDUINO" --file new.bin
expect "and the next update works" 0
stop_sim

run sim --flash-file flash.bin --arduino-ota 99999
expect "no port" 2 "err:a port from 0 to 65535"
run sim --flash-file flash.bin --arduino-ota 0 --arduino-auth sha265 --password-file password
expect "no such way" 2 "err:did you mean 'sha256'?"
run sim --flash-file flash.bin --arduino-ota 0 --arduino-auth md5
expect "a way without a password" 2 "err:needs --password-file"
