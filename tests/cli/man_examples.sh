#!/usr/bin/env bash
# Every line of EXAMPLES in every manual page is typed, at a board, a bench or a file that is simulated, and works.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
command -v jq >/dev/null || { skip "the examples of the manual" "no jq"; exit 0; }
export PATH=$BUILD:$PATH HOME=$WORK/home
unset ESPOTA_CACHE XDG_CACHE_HOME

# ---- the files that they name
mkdir files && cd files || exit 1
make_build --version 1.0 --seed 1 --size 64K
cp build/firmware.bin app.bin
cp build/firmware.bin firmware.bin
cp build/bootloader.bin bootloader.bin
cp build/bootloader.bin boot.bin
"$BUILD/tools/mkelf" build/app.elf esp32 30000
cat >partitions.csv <<'CSV'
nvs,data,nvs,0x9000,16K,
otadata,data,ota,0xd000,8K,
phy_init,data,phy,0xf000,4K,
factory,app,factory,0x10000,1M,
ota_0,app,ota_0,0x110000,1M,
ota_1,app,ota_1,0x210000,1M,
storage,data,fat,0x310000,960K,
CSV
espota table partitions.csv --binary table.bin >/dev/null
cp table.bin partition-table.bin
head -c 64K /dev/urandom >storage.bin
printf 'key,type,encoding,value\ncfg,namespace,,\nname,data,string,lamp\n' >settings.csv
mkdir site && echo hello >site/main.py
espota nvs make -q settings.csv -o nvs.bin --size 16K
espota fs make -q site -o site.bin --type littlefs --size 960K
# a board of this program's layout, with an app in both slots, and one of ESP-IDF's
espota flash -q --port file:lobo.bin --chip esp32 --flash 4M --fs littlefs --force2p build
espota flash -q --port file:idf.bin --chip esp32 --flash 4M --table partitions.csv build
for image in lobo idf; do
    slot=MicroPython_2
    [ $image = idf ] && slot=ota_0
    "$MKIMAGE" -o second.bin --version 2.0 --seed 2 --size 64K
    [ $image = idf ] && cp app.bin second.bin
    espota write -q --port file:$image.bin $slot second.bin
    espota write -q --port file:$image.bin nvs nvs.bin
done
size=$(espota table --port file:lobo.bin --json | jq '.partitions[] | select(.name == "internalfs") | .size')
espota fs make -q site -o internal.bin --type littlefs --size "$size"
espota write -q --port file:lobo.bin internalfs internal.bin
espota boot -q --port file:lobo.bin MicroPython_2 # an update that can be taken back
cp idf.bin dump.bin
cp lobo.bin flash.bin
cp lobo.bin backup.bin
espota flash -q --port file:ESP32_GENERIC-20250911-v1.26.1.bin --chip esp32 --flash 4M --no-ota build
espota backup -q --port file:lobo.bin board.bin
espota key -q --new board.key >/dev/null
espota key -q --new lamp.key >/dev/null
espota key -q --signing owner.pem >/dev/null
"$MKIMAGE" -o recovery.bin --kind agent --size 64K
espota provision -q recovery.bin --key board.key --output board-recovery.bin
espota sign -q --key owner.pem --output app-signed.bin app.bin
espota image --merge -q -o all.bin --chip esp32 0x1000 boot.bin 0x8000 table.bin 0x10000 app.bin >/dev/null
"$MKIMAGE" -o old.bin --version 0.9 --seed 1 --size 64K
espota delta -q old.bin app.bin -o app.patch
mkdir -p "$HOME/projects/blink/.pio/build/esp32dev"
printf '[env:esp32dev]\nplatform = espressif32\n' >"$HOME/projects/blink/platformio.ini"
cp build/bootloader.bin build/firmware.bin "$HOME/projects/blink/.pio/build/esp32dev/"
cp table.bin "$HOME/projects/blink/.pio/build/esp32dev/partitions.bin"
"$MKIMAGE" -o served.bin --version 3.0 --seed 3 --size 64K
mkdir ../server && cp served.bin ../server/app.bin && (cd ../server && md5sum app.bin | cut -d' ' -f1 >app.bin.md5)
[ -e devices.csv ] || printf 'name,address,key\nlamp,lamp.local,lamp.key\n' >devices.csv
(umask 077 && echo a-token >gateway.token)
# the list that espota-ota(1) shows
awk '/^\.Bd/ { getline; inside = /^\[\[device\]\]/ } /^\.Ed/ { inside = 0 } inside' "$ROOT/man/espota-ota.1" >rack.toml
cd ..
(cd server && exec python3 -u -m http.server --bind 127.0.0.1 0) >server.log 2>&1 &
PIDS+=($!)
wait_for server.log "Serving HTTP"
HTTP=http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' server.log | head -1)

# ---- the examples
examples() { # PAGE: the lines, as a reader sees them
    awk '/^\.Sh/ { on = $2 == "EXAMPLES" } on && /^\.Dl / { sub(/^\.Dl /, ""); gsub(/\\\(dq/, "\""); gsub(/\\&/, ""); print }' "$1"
}
python3 "$ROOT/tests/cli/arduino_device.py" --out taken.bin --log arduino.log --password fish >arduino.out 2>&1 &
PIDS+=($!)
wait_until 20 test -s arduino.out || not_ok "a device with ArduinoOTA starts" "$(cat arduino.out)"
printf 'fish\n' >files/plug.password
python3 "$ROOT/tests/cli/web_device.py" update-server --out web.bin --log web.log --password fish >web.out 2>&1 &
PIDS+=($!)
wait_until 20 test -s web.out || not_ok "a device with a web page starts" "$(cat web.out)"
cp files/plug.password files/desk.password

# boots: the flash that the simulated board has for a line
boots() {
    case $1 in
    *ota_0* | *storage* | *factory* | *blink* | *all.bin* | *0x8000\ table*) echo idf ;;
    *" flash "*) echo blank ;;
    *) echo lobo ;;
    esac
}
needs_board() {
    case $1 in
    *file:* | *" sim "* | *" plan "* | *" key "* | *" sign "* | *" provision "* | *" image "* | *" config"* | *" devices"* | *" cache"* | *" delta "* | *" gateway "* | \
        *" make "* | *"table partition"* | *"show backup.bin"*) return 1 ;;
    esac
}
type_it() { # LINE: in a folder of its own, at a board of its own
    local line=$1 flash
    rm -rf here && cp -a files here && cd here || return
    case $line in # what it makes is not there yet
    *" backup "*) rm board.bin* ;;
    *" key --new"*) rm board.key ;;
    *" key --signing"*) rm owner.pem* ;;
    esac
    if needs_board "$line"; then
        flash=$(boots "$line")
        [ "$flash" = blank ] && case $line in *--app*app.bin | *--migrate* | *--fs-dir*) flash=lobo ;; esac
        if [ "$flash" = blank ]; then rm -f board.flash; else cp "$flash.bin" board.flash; fi
        case $line in
        *--esphome*) start_sim --flash-file board.flash --flash 4M --esphome-ota 0 ;;
        *--host* | *" rack.toml"*) start_sim --flash-file board.flash --flash 4M --key lamp.key --listen 0 ;;
        *) start_sim --flash-file board.flash --flash 4M ;;
        esac
        export ESPOTA_PORT=$REMOTE
    fi
    # names of a bench become those of the simulation
    line=${line//\/dev\/ttyUSB0/${REMOTE:-none}}
    line=${line//rfc2217:\/\/bench.example:4000/${REMOTE:-none}}
    line=${line//https:\/\/example.org/$HTTP}
    line=${line//--tcp 5555/--tcp 0} # somebody else may be on that port
    line=${line//lamp.local/${AGENT:-none}}
    [ -z "${AGENT:-}" ] || sed -i "s/lamp.local/$AGENT/; s/plug.local/127.0.0.1:$(cat "$WORK/arduino.out")/" rack.toml
    line=${line//heater.local/$(sed -n 's/^esphome: //p' "$WORK/sim$SIM_COUNT.out" 2>/dev/null)}
    line=${line//plug.local/127.0.0.1:$(cat "$WORK/arduino.out")}
    line=${line//desk.local/127.0.0.1:$(cat "$WORK/web.out")}
    line=${line//MicroPython .* on/agent: espota agent}
    timeout --preserve-status -s INT "${PATIENCE:-20}" bash -o pipefail -c "$line" >"$WORK/stdout" 2>"$WORK/stderr" </dev/null
    STATUS=$?
    unset ESPOTA_PORT
    cd "$WORK" || exit 1
    needs_board "$1" && stop_sim
}
# ends LINE: the statuses that are right
ends() {
    case $1 in
    *"monitor --port"* | *"monitor build"* | *"--monitor") echo 130 ;; # until Ctrl-C
    *" gateway "*) echo 130 ;;
    *" sim "*) echo 0 130 ;;
    *) echo 0 ;;
    esac
}
count=0
for page in "$ROOT"/man/*.1; do
    while IFS= read -r line; do
        count=$((count + 1))
        PATIENCE=20
        case $(ends "$line") in *130) PATIENCE=4 ;; esac
        type_it "$line"
        case " $(ends "$line") " in
        *" $STATUS "*) ok "$(basename "$page"): $line" ;;
        *) not_ok "$(basename "$page"): $line" "exit status $STATUS" "$(tail -5 "$WORK/stdout" | tr -d '\0')" "$(tail -5 "$WORK/stderr")" ;;
        esac
    done < <(examples "$page")
done
[ "$count" -ge 60 ] && ok "that was $count lines" || not_ok "that was $count lines"

# ---- and the file that a page shows is one
awk '/^\.Sh/ { on = $2 == "EXAMPLES" } on && /^\.Bd/ { inside = 1; next } /^\.Ed/ { inside = 0 } inside' "$ROOT/man/espota-config.1" >shown.ini
ESPOTA_CONFIG=shown.ini run config --json
expect "the settings that espota-config(1) shows" 0 'out:"esp32s3"'
ESPOTA_CONFIG=shown.ini run ota -v --file files/app.bin
expect "and its section" 1 "err:key is secrets/kitchen.key, by shown.ini:7"
