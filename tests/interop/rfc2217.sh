#!/usr/bin/env bash
# RFC 2217 and reset by DTR and RTS: our client against pySerial's server, our server against esptool and pySerial's
# client. Over a network, time passes between the two lines; boards with a large capacitor on EN forgive that (--rise).
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
venv=$("$ROOT/tests/venv.sh" 2>venv.log) || { skip "esptool and pySerial" "they cannot be installed: $(tail -1 venv.log)"; exit 0; }

esptool() { "$venv/bin/esptool" --no-stub "$@" >esptool.log 2>&1; }
passes() { # NAME TEXT ARGS...
    local name=$1 text=$2
    shift 2
    if esptool "$@" && grep -q -- "$text" esptool.log; then ok "$name"; else not_ok "$name" "$(cat esptool.log)"; fi
}

"$MKIMAGE" -o bl.bin --kind bootloader --size 20K
"$MKIMAGE" -o app.bin --size 40K
head -c 30000 /dev/urandom | tr 'a-z' '\377' >iac.bin # many bytes that telnet has to escape

start_sim --flash-file flash.bin --flash 4M --rise 120
passes "esptool resets the chip into download mode" "Detected flash size: 4MB" --port "$REMOTE" flash-id
check "and out of it" grep -q "Hard resetting" esptool.log
passes "esptool changes the rate" "Changed" --port "$REMOTE" --baud 460800 flash-id
passes "esptool writes what needs escaping" "Hash of data verified" --port "$REMOTE" write-flash 0x200000 iac.bin
run verify 0x200000 iac.bin --port "$REMOTE"
expect "espota finds it" 0 "err:are the same"
stop_sim

start_sim --chip esp32c3 --lines usb-jtag --flash-file c3.bin --flash 4M
passes "esptool's USB-JTAG reset" "ESP32-C3" --port "$REMOTE" --before usb-reset flash-id
stop_sim

start_sim --flash-file flash.bin --rise 200
"$venv/bin/python" "$ROOT/tests/interop/rfc2217_bridge.py" "$REMOTE" >bridge.out 2>bridge.log &
PIDS+=($!)
wait_for bridge.out . || not_ok "the bridge starts" "$(cat bridge.log)"
bridge=rfc2217://127.0.0.1:$(cat bridge.out)
run flash --port "$bridge" --bootloader bl.bin --app app.bin --force --before 'D0|R1|W0.1|D1|R0|W0.3|D0'
expect "espota through pySerial's server, with its own reset sequence" 0 "err:boots next"
wait_for "$SIM_LOG" "runs from 'MicroPython_1'" && ok "and the app boots" || not_ok "and the app boots" "$(tail -3 "$SIM_LOG")"
run write 0x200000 iac.bin --port "$bridge" --baud 460800 --before 'D0|R1|W0.1|D1|R0|W0.3|D0'
expect "at another rate" 0 "err:verified"
run monitor --port "$bridge" --reset --until "runs from 'MicroPython_1'" --timeout 10
expect "its console" 0 "out:Loaded app from partition at offset 0x10000"
stop_sim
