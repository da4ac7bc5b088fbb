#!/usr/bin/env bash
# ArduinoOTA as others wrote it for Node.js (npm's esp-ota): its uploader updates the simulated app, and its device is updated by
# espota.
source "$(dirname "$0")/../lib.sh"
node_ota=$PWD/build/node-esp-ota version=1.1.3
have() { # esp-ota, installed once for all who ask
    command -v node >/dev/null && command -v npm >/dev/null || return 1
    mkdir -p "$node_ota"
    exec 9>"$node_ota.lock"
    flock 9
    [ "$(cat "$node_ota/version" 2>/dev/null)" = "$version" ] && return
    npm install --silent --no-audit --no-fund --prefix "$node_ota" "esp-ota@$version" >"$WORK/npm.log" 2>&1 &&
        echo "$version" >"$node_ota/version"
}
have || { skip "npm's esp-ota" "Node.js has it not: $(tail -1 "$WORK/npm.log" 2>/dev/null)"; exit 0; }
exec 9>&-
cd "$WORK" || exit 1
"$MKIMAGE" -o old.bin --version 1.0 --seed 1 --size 100K
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 200K
"$MKIMAGE" -o bootloader.bin --kind bootloader --size 20K
run flash --port file:flash.bin --flash 4M --chip esp32 --force2p --fs littlefs --bootloader bootloader.bin --app old.bin
printf 'swordfish\n' >password
chmod 600 password

# ---- its uploader
cat >upload.js <<'JS'
const EspOTA = require('esp-ota');
const [port, file, password] = process.argv.slice(2);
const esp = new EspOTA('127.0.0.1', 0, undefined, 5);
esp.on('state', state => console.log(state));
esp.setPassword(password);
esp.uploadFirmware(file, '127.0.0.1', Number(port)).then(() => process.exit(0), e => { console.log(String(e)); process.exit(1); });
JS
upload() { NODE_PATH=$node_ota/node_modules timeout 30 node upload.js "$@" >upload.log 2>&1; }
for auth in none md5; do
    args=(--password-file password --arduino-auth md5) password=swordfish
    [ "$auth" = none ] && args=() password=
    start_ota_sim arduino "${args[@]}"
    for image in new:2.0 old:1.0; do
        : >sim.log
        if upload "${OTA_ADDRESS##*:}" "${image%:*}.bin" ${password:+"$password"} && wait_for sim.log "App version:      ${image#*:}"; then
            ok "its uploader, $auth: version ${image#*:} runs"
        else
            not_ok "its uploader, $auth: version ${image#*:} runs" "$(cat upload.log sim.log)"
        fi
    done
    stop_sim
done
start_ota_sim arduino --password-file password --arduino-auth md5
upload "${OTA_ADDRESS##*:}" new.bin marlin
grep -q auth_sent upload.log && ! grep -q invite_accepted upload.log && ok "another password is not let in" || not_ok "another password is not let in" "$(cat upload.log)"
stop_sim

# ---- its device, on a port of its choice
free_port() { python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
device_port=$(free_port)
for password in '' swordfish; do
    sed -e "s/bind(3232)/bind($device_port, '127.0.0.1', () => console.log('bound'))/" \
        ${password:+-e "s/^let testAuth = undefined/let testAuth = crypto.createHash('md5').update('$password').digest('hex')/"} \
        "$node_ota/node_modules/esp-ota/testserver.js" >device.js
    rm -f device.log
    node device.js >device.log 2>&1 &
    device=$!
    PIDS+=("$device")
    wait_for device.log bound
    run ota --arduino "127.0.0.1:$device_port" --file new.bin --return-timeout 0 ${password:+--password-file password}
    expect "its device takes an image, ${password:-no} password" 0
    grep -q "$(md5sum new.bin | cut -d' ' -f1) === $(md5sum new.bin | cut -d' ' -f1)" <(sed 's/  ===/ ===/; s/===  /=== /' device.log) &&
        ok "it has what was sent" || not_ok "it has what was sent" "$(cat device.log)"
    kill "$device" || true
    wait "$device" 2>/dev/null || true
done
