#!/usr/bin/env bash
# Somebody else's mDNS (zeroconf, of PyPI): what it announces is found, and what is announced by the simulator it finds.
source "$(dirname "$0")/../lib.sh"
source "$(dirname "$0")/../mdns.sh"
if [ -z "${TEST_NETWORK:-}" ]; then # in a network of its own there is no PyPI
    ZEROCONF_VENV=$("$ROOT/tests/venv.sh" zeroconf 2>"$WORK/venv.log") || { skip "zeroconf" "it cannot be installed: $(tail -1 "$WORK/venv.log")"; exit 0; }
    export ZEROCONF_VENV
fi
own_network
network_up
cd "$WORK" || exit 1
zeroconf() { "$ZEROCONF_VENV/bin/python" "$ROOT/tests/interop/mdns_zeroconf.py" "$@"; }
finds() { # TEXT: among all devices
    run devices --network --service all --timeout 1
    [[ $OUT == *"$1"* ]]
}

mkfifo hold
zeroconf announce <hold >announced.log 2>&1 &
announcer=$!
PIDS+=("$announcer")
exec 7>hold
wait_for announced.log announced || not_ok "zeroconf announces" "$(cat announced.log)"
wait_until 20 finds workshop
wait_until 20 finds hall
wait_until 20 finds Küche
expect "an agent, an ArduinoOTA and an ESPHome device" 0 \
    "out:Küche 1 OG  agent    127.0.0.1:3232  esp32s3   lamp       1.4      yes" \
    "out:workshop    arduino  127.0.0.1:3232  esp32dev  -          -        no" \
    "out:hall        esphome  127.0.0.1       ESP32     acme.plug  3.0      -"
run devices --network --timeout 1 --json
check "and what the agent says, letter by letter" python3 - <<'PY'
import json
device, = json.load(open("stdout"))["devices"]
assert [(a["key"], a["value"]) for a in device["attributes"]] == [("txtvers", "1"), ("proto", "1"), ("chip", "esp32s3"),
    ("project", "lamp"), ("version", "1.4"), ("mac", "240ac4000199"), ("key", "yes")], device
assert device["host"] == "esp-board.local" and device["name"] == "Küche 1 OG", device
PY
exec 7>&-
wait "$announcer"

make_build --version 1.0 --project lamp --seed 1 --size 64K
"$ESPOTA" flash -q --port file:board.bin --flash 4M --force2p build
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >key
chmod 600 key
start_sim --flash-file board.bin --key key --listen 0 --announce "the lamp"
zeroconf browse _espota._tcp.local. "the lamp" >found.json 2>browse.log || not_ok "zeroconf finds the simulator" "$(cat browse.log)"
check "what the simulator announces" python3 - "${AGENT#*:}" <<'PY'
import json, sys
found = json.load(open("found.json"))
assert found["port"] == int(sys.argv[1]) and "127.0.0.1" in found["addresses"], found
assert found["text"] == {"txtvers": "1", "proto": "1", "chip": "esp32", "project": "lamp", "version": "1.0", "mac": "240ac4000110",
    "key": "yes"}, found
assert list(found["text"])[0] == "txtvers", found
PY
stop_sim
