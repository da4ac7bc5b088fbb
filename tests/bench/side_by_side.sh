#!/usr/bin/env bash
# esptool (without its stub, which the simulator does not run) and espota, side by side on a simulated ESP32 in real
# time: seconds of the whole process, for a first write of an app and for the same again. For a machine with little
# else to do.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

seconds() { # COMMAND...
    local begin=$EPOCHREALTIME
    "$@" >command.log 2>&1 || { echo "failed: $(tail -1 command.log)"; return; }
    awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $begin }"
}
both() { # NAME COMMAND...: on a new chip, twice
    local name=$1 first
    shift
    rm -f flash.bin
    start_sim --flash-file flash.bin --flash 4M --download --real-time
    socket=socket://${UART#tcp://}
    first=$(seconds "$@" "$socket")
    printf '%-24s %14s %14s\n' "$name" "$first" "$(seconds "$@" "$socket")"
    stop_sim
}

"$MKIMAGE" -o app.bin --size 64K --content xtensa
venv=$("$ROOT/tests/venv.sh" 2>venv.log) || venv=
printf '%-24s %14s %14s\n' "64K at 115200" "first write" "again"
by_esptool() {
    "$venv/bin/esptool" --chip esp32 --port "$1" --before no-reset --after no-reset --no-stub write-flash 0x10000 app.bin
}
by_espota() { # --no-stub or nothing, PORT
    "$ESPOTA" write --raw --before no-reset --after no-reset --port "${@: -1}" "${@:1:$#-1}" 0x10000 app.bin
}
if [ -n "$venv" ]; then
    both "esptool --no-stub" by_esptool
else
    skip "esptool" "it cannot be installed: $(tail -1 venv.log)"
fi
both "espota --no-stub" by_espota --no-stub
both "espota" by_espota
