#!/usr/bin/env bash
# Somebody else's Noise (noiseprotocol and cryptography, of PyPI) as a host of the agent: the same session comes about.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
venv=$("$ROOT/tests/venv.sh" 2>venv.log) || { skip "noiseprotocol" "it cannot be installed: $(tail -1 venv.log)"; exit 0; }

make_build --size 64K --seed 1
"$ESPOTA" key --new device.key >/dev/null
"$ESPOTA" key --new wrong.key >/dev/null
"$ESPOTA" flash -q --port file:flash.bin --flash 4M build
start_sim --flash-file flash.bin --key device.key --listen 0
client() { # NAME STATUS TEXT ARGS...
    local name=$1 status=$2 text=$3 output
    shift 3
    output=$("$venv/bin/python" "$ROOT/tests/interop/noise_client.py" "${AGENT#*:}" "$@" 2>&1)
    if [ $? -eq "$status" ] && [[ $output == *"$text"* ]]; then ok "$name"; else not_ok "$name" "$output"; fi
}
client "the handshake, and requests" 0 "chip 0, espota agent" device.key
client "what is read is the table" 0 "table aa50" device.key
client "another key" 1 "status 06" wrong.key
for byte in 1 2 3 4 5 6 7 8 9 10 25; do
    client "byte $byte of what the agent said first is changed" 1 "status 06" device.key $byte
done
run status --host "$AGENT" --key device.key
expect "our own host still gets in" 0 "out:Running:     MicroPython_1"
stop_sim
