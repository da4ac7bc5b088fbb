#!/usr/bin/env bash
# The main job on a simulated ESP32: plan, flash, boot, OTA over http, switch back. What is shown is real output.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=$(cd "${BUILD:-build}" && pwd)
PATH=$BUILD:$PATH
work=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work"
unset http_proxy HTTP_PROXY ESPOTA_PORT ESPTOOL_PORT

show() {
    printf '\n$ %s\n' "$*"
    "$@" 2>&1
}
note() { printf '\n# %s\n' "$*"; }

mkdir build www
"$BUILD/tools/mkimage" -o build/bootloader.bin --kind bootloader --size 20K
"$BUILD/tools/mkimage" -o build/firmware.bin --version 1.0 --seed 1 --size 900K
"$BUILD/tools/mkimage" -o www/firmware.bin --version 2.0 --seed 2 --size 900K
(cd www && md5sum firmware.bin >firmware.bin.md5)

note "An ESP32 with 16M of blank flash, in download mode"
espota sim --flash-file flash.bin --flash 16M --download --link "$work/tty" >sim.out 2>console.log &
pids+=($!)
python3 -u -m http.server --bind 127.0.0.1 --directory www 0 >http.log 2>&1 &
pids+=($!)
for _ in $(seq 200); do
    [ -L tty ] && grep -q 'port [0-9]' http.log && break
    sleep 0.05
done
port=$(sed -n 's/.* port \([0-9]*\).*/\1/p' http.log)
export ESPOTA_PORT=$work/tty
echo "on $(readlink tty)"

note "What goes where?"
show espota plan --flash 16M --app build/firmware.bin

note "Bootloader, table and app, once, by cable"
show espota flash build

note "The chip's console"
grep -E 'Loaded app|App version|agent:' console.log

note "Version 2.0, over http, checked with its MD5"
show espota ota --url "http://127.0.0.1:$port/firmware.bin" --md5 --restart
show espota status

note "And back"
show espota boot MicroPython --restart
show espota status

note "The chip's console, from the start"
grep -E 'Loaded app|App version|agent:' console.log
grep -q "runs from 'MicroPython_1'" console.log
espota status --json | grep -q '"running": "MicroPython"'
note "Done"
