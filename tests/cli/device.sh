#!/usr/bin/env bash
# shellcheck disable=SC2034
# flash, ota, status, boot, confirm, rollback on the simulated ESP32.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

make_build --version 1.0 --seed 1 --size 200K
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 200K
"$MKIMAGE" -o c3.bin --chip esp32c3 --size 64K
openssl rand -hex 32 >key
openssl rand -hex 32 >wrong

start_sim --flash-file flash.bin --flash 4M --download --rollback
run status --port "$TTY"
expect "no agent in download mode" 3 "err:no agent answers"
run flash --port "$TTY" --chip esp32c3 build
expect "the wrong chip is named" 2 "err:is an ESP32, not an ESP32-C3"
run flash --port "$TTY" --app c3.bin
expect "an app for another chip" 4 "err:ESP32-C3"
run flash --port "$TTY" build/nowhere
expect "a folder without a build" 2 "err:nothing to flash"
run flash --port "$TTY" build --slot nvs
expect "an app goes into an app partition" 2 "err:no app partition 'nvs'"
run flash --port "$TTY" build
expect "flashes a build folder" 0 "err:Planned layout 2p for 4M" "err:verified" "err:'MicroPython_1' boots next" "err:KiB/s"
wait_for "$SIM_LOG" "runs from 'MicroPython_1'" && ok "the flashed app boots" || not_ok "the flashed app boots" "$(cat "$SIM_LOG")"
cmp -s -i $((0x10000)):0 -n 204800 flash.bin build/firmware.bin && ok "the app is in flash" || not_ok "the app is in flash"

run status --port "$UART" --json
expect "status over TCP, as JSON" 0 'out:"running": "MicroPython_1"' 'out:"chip": "esp32"'
run boot MicroPython_2 --port "$TTY"
expect "an empty slot cannot boot" 4 "err:holds no valid app"
run boot nvs --port "$TTY"
expect "nvs cannot boot" 1 "err:no factory or OTA app partition"
run boot nothing --port "$TTY"
expect "no such partition" 1 "err:no partition 'nothing'"

cp flash.bin before.bin
untouched() { same "$1: flash is untouched" flash.bin before.bin; }
run ota --port "$TTY" --file c3.bin
expect "an image for another chip" 4 "err:ESP32-C3"
untouched "another chip"
"$MKIMAGE" -o big.bin --size 1100K
run ota --port "$TTY" --file big.bin
expect "an image too big for the slot" 1 "err:holds 1048576"
untouched "too big"
run ota --port "$TTY" --file key
expect "not an image" 4 "err:is no image to write: it is plain text"
echo 0123456789abcdef0123456789abcdef >new.bin.md5
run ota --port "$TTY" --file new.bin
expect "a wrong MD5 beside the file" 4 "err:MD5 check"
untouched "wrong MD5"
rm new.bin.md5
run ota --port "$TTY" --file new.bin --md5
expect "--md5 without an MD5" 4 "err:no MD5 to check"
untouched "no MD5"
run ota --port "$TTY" --file new.bin --force-factory
expect "no factory to force" 1 "err:no factory partition"
run ota --port "$TTY"
expect "no image named" 2 "err:--url URL or --file FILE"

md5sum new.bin >new.bin.md5
run ota --port "$TTY" --file new.bin --trial --restart
expect "an update on trial" 0 "err:MD5 Checksum check PASSED" "err:from 'MicroPython_1' to 'MicroPython_2'" \
    "err:offset 0x110000" "err:On next reboot the system will be started from 'MicroPython_2' partition on trial"
run status --port "$TTY"
expect "the trial shows" 0 "out:Running:     MicroPython_2" "out:[pending-verify]"
run confirm --port "$TTY"
expect "confirm" 0 "err:'MicroPython_2' is confirmed"
kill -USR1 "$SIM_PID"
run status --port "$TTY"
expect "a confirmed app stays" 0 "out:Running:     MicroPython_2" "out:[valid]"
run rollback --port "$TTY" --restart
expect "rollback" 0 "err:declared bad" "err:boots next"
run status --port "$TTY"
expect "the app before runs again" 0 "out:Running:     MicroPython_1"
run ota --port "$TTY" --file new.bin --json
expect "an image that is there already is not sent again" 0 'out:"written": 0'
"$MKIMAGE" -o flash16.bin --size 64K --flash 16M
run ota --port "$TTY" --file flash16.bin
expect "an image for more flash is worth a warning" 0 "err:warning: flash16.bin was built for 16M"
run ota --port "$TTY" --file new.bin -q
stop_sim

# a device with data is not overwritten
start_sim --flash-file flash.bin --download
run flash --port "$TTY" build --appsize 1536K
expect "another layout is refused" 5 "err:refused to change the partition table" "err:'MicroPython_2' moves" "err:--erase"
run flash --port "$TTY" build
expect "the same layout is no reason to refuse" 0 "err:'MicroPython_2', the partition that boots next" "err:'MicroPython_2' boots next"
stop_sim
start_sim --flash-file flash.bin --download
run flash --port "$TTY" build --slot MicroPython_1
expect "another slot, when asked for" 0 "err:'MicroPython_1' boots next"
grep -q 'app: 204800 bytes, there already' <<<"$ERR" && ok "the app was there already" || not_ok "the app was there already" "$ERR"
stop_sim
start_sim --flash-file flash.bin --download
run flash --port "$TTY" build --appsize 1536K --erase --json
expect "--erase changes the layout" 0 'out:"boots": "MicroPython_1"'
stop_sim

# as a file
cp flash.bin dump.bin
run status --port file:dump.bin --json
expect "status of a flash file" 0 'out:"device": "dump.bin"' 'out:"kind": "file"' 'out:"boots_next": "MicroPython_1"'
run ota --port file:dump.bin --file new.bin
expect "an update into a flash file" 0 "err:'MicroPython_2'"
run boot MicroPython_1 --port file:dump.bin
expect "boot in a flash file" 0 "err:'MicroPython_1'"

# with a key, and over the network
start_sim --flash-file flash.bin --key key --listen 0
run status --port "$TTY"
expect "the key is missing" 1 "err:give --key FILE"
run status --port "$TTY" --key wrong
expect "the key is wrong" 1 "err:not the device's key"
run status --port "$TTY" --key key
expect "and keeps nobody out" 0 "out:Running:     MicroPython"
run ota --host "$AGENT" --key key --file new.bin --restart
expect "an update over the network" 0 "err:Image written and verified"
stop_sim
start_sim --flash-file flash.bin
run status --port "$TTY" --key key
expect "an agent without a key is not trusted" 5 "err:stranger"
stop_sim

# a link that dies midway: the next run finishes, from what is there
"$MKIMAGE" -o third.bin --version 3.0 --seed 3 --size 200K
start_sim --flash-file flash.bin --disconnect-after 100000
run ota --port "$UART" --file third.bin
expect "the link dies midway" 3 "err:not finished" "err:still boots"
run ota --port "$UART" --file third.bin --json
expect "the next run finishes" 0 'out:"kept"'
kept=$(sed -n 's/.*"kept": \([0-9]*\).*/\1/p' <<<"$OUT")
[ "${kept:-0}" -gt 40000 ] && ok "and goes on where it broke ($kept bytes kept)" || not_ok "and goes on where it broke" "$OUT"
stop_sim

# a noisy line
for seed in 1 2 3; do
    cp dump.bin noisy.bin
    start_sim --flash-file noisy.bin --flip 60 --drop 20 --seed $seed
    run ota --port "$UART" --file third.bin
    expect "an update on a noisy line ($seed)" 0 "err:Image written and verified"
    stop_sim
    rm -f blank.bin
    start_sim --flash-file blank.bin --flash 4M --download --flip 30 --drop 10 --seed $seed
    run flash --port "$UART" build
    expect "flashing on a noisy line ($seed)" 0 "err:boots next"
    stop_sim
    cmp -s -i $((0x10000)):0 -n 204800 blank.bin build/firmware.bin && ok "nothing got lost ($seed)" || not_ok "nothing got lost ($seed)"
done

# Ctrl-C on a line as slow as a real one: what is in flight then must not confuse the next run
cp dump.bin slow.bin
start_sim --flash-file slow.bin --real-time
"$ESPOTA" ota --port "$TTY" --file third.bin >stopped.out 2>stopped.err </dev/null &
ota=$!
wait_until 20 sector_in slow.bin 0x190000 third.bin 5 || not_ok "an update is under way" "$(cat stopped.err)"
kill -INT $ota
wait $ota
STATUS=$? OUT=$(cat stopped.out) ERR=$(cat stopped.err)
expect "Ctrl-C says how to go on" 130 "err:stopped on request; run the same command again"
run status --port "$TTY"
expect "the next command is understood" 0 "out:Running:     MicroPython_1"
stop_sim

# a higher rate is a faster one
rm -f fast.bin
start_sim --flash-file fast.bin --flash 4M --download --real-time
run flash --port "$TTY" --baud 921600 --json build
expect "flashing at 921600 baud" 0 'out:"boots": "MicroPython_1"'
rate=$(sed -n 's/.*"kib_per_second": \([0-9]*\).*/\1/p' <<<"$OUT")
[ "${rate:-0}" -gt 15 ] && ok "is faster than 115200 allows ($rate KiB/s)" || not_ok "is faster than 115200 allows" "$OUT"
stop_sim

# power fails in the middle
cp dump.bin cut.bin
start_sim --flash-file cut.bin --power-cut 20:torn
run ota --port "$UART" --file third.bin
expect "power fails midway" 3 "err:not finished"
kill -HUP "$SIM_PID"
run ota --port "$UART" --file third.bin
expect "with power, the next run finishes" 0 "err:Image written and verified"
stop_sim

# the simulator's own mistakes
run sim
expect "sim needs a file" 2 "err:--flash-file"
run sim --flash-file new-flash.bin
expect "sim needs a size for a new file" 2 "err:--flash"
run sim --flash-file flash.bin --flash 8M
expect "sim does not change a file's size" 2 "err:not the"
