#!/usr/bin/env bash
# Arduino's own espota.py, unmodified, updates the simulated app with ArduinoOTA. It is in no package: ESPOTA_PY names a copy,
# tools/espota.py of arduino-esp32 or of the ESP8266's Arduino.
script=${ESPOTA_PY:-}
source "$(dirname "$0")/../lib.sh"
[ -f "$script" ] || { skip "Arduino's espota.py" "ESPOTA_PY does not name it"; exit 0; }
cd "$WORK" || exit 1
"$MKIMAGE" -o old.bin --version 1.0 --seed 1 --size 100K
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 200K
"$MKIMAGE" -o bootloader.bin --kind bootloader --size 20K
run flash --port file:flash.bin --flash 4M --chip esp32 --force2p --fs littlefs --bootloader bootloader.bin --app old.bin
printf 'swordfish\n' >password
chmod 600 password
ways=(none md5)
grep -q pbkdf2_hmac "$script" && ways+=(sha256 sha256-of-md5)
for auth in "${ways[@]}"; do
    args=(--password-file password --arduino-auth "$auth")
    [ "$auth" = none ] && args=()
    start_ota_sim arduino "${args[@]}"
    port=${OTA_ADDRESS##*:}
    for image in new:2.0 old:1.0; do
        : >sim.log
        if python3 "$script" -i 127.0.0.1 -p "$port" -f "${image%:*}.bin" -a swordfish -d >espota.log 2>&1 &&
            wait_for sim.log "App version:      ${image#*:}"; then
            ok "espota.py, $auth: version ${image#*:} runs"
        else
            not_ok "espota.py, $auth: version ${image#*:} runs" "$(cat espota.log sim.log)"
        fi
    done
    stop_sim
done
