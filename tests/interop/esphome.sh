#!/usr/bin/env bash
# ESPHome's own uploader, esphome/espota2.py, unmodified, updates the simulated app.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
venv=$("$ROOT/tests/venv.sh" esphome 2>venv.log) || { skip "ESPHome" "it cannot be installed: $(tail -1 venv.log)"; exit 0; }
"$venv/bin/python" -c 'import esphome.espota2' 2>import.log || { skip "ESPHome" "it is not there: $(tail -1 import.log)"; exit 0; }
"$MKIMAGE" -o old.bin --version 1.0 --seed 1 --size 100K
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 200K
"$MKIMAGE" -o c3.bin --version 2.0 --seed 3 --size 100K --chip esp32c3
"$MKIMAGE" -o bootloader.bin --kind bootloader --size 20K
run flash --port file:flash.bin --flash 4M --chip esp32 --force2p --fs spiffs --bootloader bootloader.bin --app old.bin
printf 'swordfish\n' >password
chmod 600 password
cat >upload.py <<'PY'
import logging
import pathlib
import sys
from esphome import espota2
logging.basicConfig(level=logging.INFO)
sys.exit(espota2.run_ota("127.0.0.1", int(sys.argv[1]), sys.argv[3] if len(sys.argv) > 3 else None, pathlib.Path(sys.argv[2]))[0])
PY
for like in current gzip 2024 2021; do
    for args in "" "--password-file password"; do
        # shellcheck disable=SC2086
        start_ota_sim esphome --esphome-like $like $args
        port=${OTA_ADDRESS##*:}
        for image in new:2.0 old:1.0; do
            : >sim.log
            if "$venv/bin/python" upload.py "$port" "${image%:*}.bin" ${args:+swordfish} >upload.log 2>&1 &&
                wait_for sim.log "App version:      ${image#*:}"; then
                ok "ESPHome updates one of $like ${args:+with a password }to ${image#*:}"
            else
                not_ok "ESPHome updates one of $like ${args:+with a password }to ${image#*:}" "$(cat upload.log sim.log)"
            fi
        done
        if [ -n "$args" ] && "$venv/bin/python" upload.py "$port" new.bin marlin >upload.log 2>&1; then
            not_ok "another password, $like" "$(cat upload.log)"
        fi
        if "$venv/bin/python" upload.py "$port" c3.bin ${args:+swordfish} >upload.log 2>&1 || ! grep -q 'Finishing update failed' upload.log; then
            not_ok "an image that does not start, $like" "$(cat upload.log)"
        fi
        stop_sim
    done
done
