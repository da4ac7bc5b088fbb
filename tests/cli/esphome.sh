#!/usr/bin/env bash
# Devices with ESPHome: 'espota ota' against the simulated app, of today and of earlier years.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
"$MKIMAGE" -o old.bin --version 1.0 --seed 1 --size 100K
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 200K
"$MKIMAGE" -o c3.bin --version 2.0 --seed 3 --size 100K --chip esp32c3
"$MKIMAGE" -o bootloader.bin --kind bootloader --size 20K
run flash --port file:flash.bin --flash 4M --chip esp32 --force2p --fs spiffs --bootloader bootloader.bin --app old.bin
printf 'swordfish\n' >password
printf 'marlin\n' >wrong
chmod 600 password wrong

# start ARGS...: a simulator; DEVICE is its address.
start() {
    start_ota_sim esphome "$@"
    DEVICE=$OTA_ADDRESS
}
boots() { if wait_for sim.log "App version:      $1"; then ok "$2"; else not_ok "$2" "$(cat sim.log)"; fi; }

for like in current gzip 2024 2021; do
    start --esphome-like $like
    : >sim.log
    run ota --esphome "$DEVICE" --file new.bin -v
    expect "one of $like" 0 "err:speaks ESPHome's OTA: nothing is encrypted" "err:It is back"
    boots 2.0 "one of $like restarts into it"
    if grep -q 'takes gzip' stderr; then [ $like = gzip ]; else [ $like != gzip ]; fi &&
        ok "it travels compressed where it can, $like" || not_ok "it travels compressed where it can, $like" "$ERR"
    stop_sim
    start --esphome-like $like --password-file password
    run ota --esphome "$DEVICE" --file old.bin
    expect "one of $like wants a password" 1 "err:asks for a password; give --password-file"
    run ota --esphome "$DEVICE" --file old.bin --password-file wrong
    expect "one of $like wants the right one" 1 "err:the password is wrong"
    run ota --esphome "$DEVICE" --file old.bin --password-file password --json
    expect "one of $like takes it" 0 'out:"kind": "esphome"' 'out:"returned": true'
    case $like in 2*) grep -q 'by MD5' stderr ;; *) ! grep -q 'by MD5' stderr ;; esac &&
        ok "MD5 is warned of, $like" || not_ok "MD5 is warned of, $like" "$ERR"
    stop_sim
done

start
: >sim.log
run ota --esphome "$DEVICE" --file c3.bin
expect "another chip's image" 1 "err:the image is not one that it can start (0x84)"
"$MKIMAGE" -o huge.bin --version 2.0 --seed 2 --size 3M
run ota --esphome "$DEVICE" --file huge.bin
expect "one that is too large" 1 "err:the image is larger than its slot (0x89)"
run ota --esphome "$DEVICE" --file new.bin --chip esp32c3
expect "what --chip says is believed" 4 "err:but the device is an ESP32-C3"
if grep -q 'App version' sim.log; then not_ok "none of them restarts it" "$(cat sim.log)"; else ok "none of them restarts it"; fi
kill -USR1 "$SIM_PID"
boots 1.0 "and the old app still boots"
stop_sim
run ota --esphome "$DEVICE" --file new.bin
expect "nobody listens" 3 "err:cannot connect to tcp://$DEVICE"

start --power-cut 40:torn
: >sim.log
run ota --esphome "$DEVICE" --file new.bin
expect "power fails while it writes" 3 "err:update of $DEVICE not finished"
kill -HUP "$SIM_PID"
boots 1.0 "the old app boots then"
stop_sim

# somebody who is no ESPHome
python3 - >server.out 2>&1 <<'PY' &
import socket
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1)
print(listener.getsockname()[1], flush=True)
while True:
    caller, _ = listener.accept()
    caller.recv(5)
    caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    caller.close()
PY
PIDS+=($!)
wait_until 20 test -s server.out
run ota --esphome "127.0.0.1:$(cat server.out)" --file new.bin
expect "a web server" 1 "err:0x48, which is not what ESPHome says there"

run ota --esphome 127.0.0.1 --arduino 127.0.0.1 --file new.bin
expect "one of two" 2 "err:are different devices: give one"
run ota --esphome 127.0.0.1 --file new.bin --file-system
expect "no file system" 2 "err:goes with --arduino HOST"
run sim --flash-file flash.bin --esphome-ota 0 --esphome-like 2025
expect "no such year" 2 "err:--esphome-like '2025'"
