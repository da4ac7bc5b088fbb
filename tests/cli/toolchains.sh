#!/usr/bin/env bash
# espota flash with what toolchains leave: folders with the names and the structure that theirs have, and what lies about in
# them by mistake or by intent.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

image() { "$MKIMAGE" -o "$@"; }
boot() { image "$1" --kind bootloader --size 20K --chip "${2:-esp32}"; }
table() { # FILE: an Arduino-like one
    cat >table.csv <<'CSV'
nvs,data,nvs,0x9000,0x5000
otadata,data,ota,0xe000,0x2000
app0,app,ota_0,0x10000,0x140000
app1,app,ota_1,0x150000,0x140000
spiffs,data,spiffs,0x290000,0x160000
coredump,data,coredump,0x3f0000,0x10000
CSV
    "$ESPOTA" table table.csv --binary "$1" -q >/dev/null
}
# flash ARGS...: onto a new flash file
flash() {
    rm -f flash.bin
    run flash --port file:flash.bin --chip "${CHIP:-esp32}" --flash 4M "$@"
}
# at NAME OFFSET FILE: flash has the file there
at() { check "$1" cmp -n "$(stat -c %s "$3")" -i $(($2)):0 flash.bin "$3"; }
first_line() { # NAME TEXT: of what was said
    if [[ "${ERR%%$'\n'*}" == *"$2"* ]]; then ok "$1"; else not_ok "$1" "the first line is not '$2'" "$ERR"; fi
}

image app.bin --size 64K --project blinky --version 2.1
image other.bin --size 64K --seed 7
image c3.bin --size 64K --chip esp32c3
boot bootloader.bin
table table.bin

# ---- ESP-IDF -----------------------------------------------------------------------------------------------------------
mkdir -p idf/build/bootloader idf/build/partition_table
cp app.bin idf/build/hello.bin
cp bootloader.bin idf/build/bootloader/
cp table.bin idf/build/partition_table/partition-table.bin
cat >idf/build/flasher_args.json <<'JSON'
{ "flash_files": { "0x1000": "bootloader/bootloader.bin", "0x8000": "partition_table/partition-table.bin", "0x10000": "hello.bin" },
  "bootloader": { "offset": "0x1000", "file": "bootloader/bootloader.bin" },
  "partition-table": { "offset": "0x8000", "file": "partition_table/partition-table.bin" },
  "app": { "offset": "0x10000", "file": "hello.bin" }, "extra_esptool_args": { "chip": "esp32" } }
JSON
for path in idf idf/build idf/build/flasher_args.json; do
    flash "$path"
    expect "ESP-IDF: $path" 0 "err:'app0' boots next"
    first_line "and it is said" "Found an ESP-IDF build for the ESP32 in idf/build: bootloader.bin, partition-table.bin, hello.bin; app 'blinky' 2.1"
done
at "the app is in flash" 0x10000 app.bin
cp -r idf/build idf/build_old
flash idf
expect "ESP-IDF: build is the usual one, and the other is named" 0 "err:build is taken, of ESP-IDF folder: build, build_old"
flash idf --env build_old
expect "ESP-IDF: another one by name" 0 "err:in idf/build_old:"
mv idf/build idf/build_new
flash idf
expect "ESP-IDF: none is the usual one" 2 "err:several: ESP-IDF folder: build_new, build_old; --env NAME takes one"
rm -r idf/build_old idf/build_new/hello.bin
flash idf
expect "ESP-IDF: configured, not built" 1 "err:names hello.bin, which is not there: build the project first"

# ---- Arduino -----------------------------------------------------------------------------------------------------------
arduino() { # FOLDER
    mkdir -p "$1"
    cp app.bin "$1/blink.ino.bin"
    cp bootloader.bin "$1/blink.ino.bootloader.bin"
    cp table.bin "$1/blink.ino.partitions.bin"
    cp table.csv "$1/partitions.csv"
    touch "$1/blink.ino.map"
}
arduino sketch/build/esp32.esp32.esp32
touch sketch/blink.ino
"$ESPOTA" flash -q --port file:sketch/build/esp32.esp32.esp32/blink.ino.merged.bin --chip esp32 --flash 4M sketch
for path in sketch sketch/build sketch/build/esp32.esp32.esp32; do
    flash "$path"
    expect "Arduino: $path" 0 "err:'app0' boots next"
    first_line "and it is said" "Found an Arduino build for the ESP32 in sketch/build/esp32.esp32.esp32: blink.ino.bin,"
done
at "the app is in flash" 0x10000 app.bin
at "the bootloader is" 0x1000 bootloader.bin
same "its merged image says the same" flash.bin sketch/build/esp32.esp32.esp32/blink.ino.merged.bin
flash sketch/build/esp32.esp32.esp32/blink.ino.merged.bin
expect "Arduino: the merged image alone" 0 "err:'app0' boots next"
first_line "and it is said" "blink.ino.merged.bin: a merged image for the ESP32"
arduino sketch/build/esp32.esp32.lolin32
flash sketch
expect "Arduino: two boards" 2 "err:several: Arduino board: esp32.esp32.esp32, esp32.esp32.lolin32"
flash sketch --env esp32.esp32.lolin32
expect "Arduino: one by name" 0 "err:in sketch/build/esp32.esp32.lolin32:"
flash sketch --env esp32.esp32.uno
expect "Arduino: none by that name" 2 "err:there is no build 'esp32.esp32.uno' in sketch, but Arduino board: esp32.esp32.esp32,"

# ---- PlatformIO --------------------------------------------------------------------------------------------------------
platformio() { # FOLDER
    mkdir -p "$1"
    cp app.bin "$1/firmware.bin"
    cp bootloader.bin table.bin "$1"
    mv "$1/table.bin" "$1/partitions.bin"
    head -c 65536 /dev/zero >"$1/littlefs.bin"
}
mkdir pio
touch pio/platformio.ini
flash pio
expect "PlatformIO: nothing built" 2 "err:it is a PlatformIO project without a build: 'pio run' makes one"
platformio pio/.pio/build/esp32dev
for path in pio pio/platformio.ini pio/.pio pio/.pio/build pio/.pio/build/esp32dev; do
    flash "$path"
    expect "PlatformIO: $path" 0 "err:'app0' boots next"
    first_line "and it is said" "Found a PlatformIO build for the ESP32 in pio/.pio/build/esp32dev: bootloader.bin, firmware.bin, littlefs.bin, partitions.bin"
done
at "the file system is in its partition" 0x290000 pio/.pio/build/esp32dev/littlefs.bin
platformio pio/.pio/build/release
flash pio
expect "PlatformIO: two environments" 2 "err:several: PlatformIO environment: esp32dev, release; --env NAME takes one"
flash pio --env release
expect "PlatformIO: one by name" 0 "err:in pio/.pio/build/release:"
printf '[platformio]\ndefault_envs = release\n[env:release]\n' >pio/platformio.ini
flash pio
expect "PlatformIO: the default one" 0 "err:in pio/.pio/build/release:" "err:release is taken, of PlatformIO environment: esp32dev, release"
printf '[platformio]\ndefault_envs = release, esp32dev\n' >pio/platformio.ini
flash pio
expect "PlatformIO: two default ones" 2 "err:several"
# ESP-IDF as framework: flasher_args.json names an app that PlatformIO calls otherwise
cat >pio/.pio/build/release/flasher_args.json <<'JSON'
{ "app": { "file": "release.bin" }, "bootloader": { "file": "bootloader/bootloader.bin" }, "extra_esptool_args": { "chip": "esp32" } }
JSON
flash pio --env release
expect "PlatformIO with ESP-IDF" 0 "err:'app0' boots next"
first_line "and it is said" "Found a PlatformIO build for the ESP32 in pio/.pio/build/release"
# older ones leave the bootloader in the package of the framework
mkdir package
mv pio/.pio/build/release/bootloader.bin package/bootloader_dio_40m.bin
echo "{\"extra\": {\"flash_images\": [{\"offset\": \"0x1000\", \"path\": \"$WORK/package/bootloader_dio_40m.bin\"}]}}" \
    >pio/.pio/build/release/idedata.json
flash pio --env release
expect "PlatformIO: the bootloader lies in a package" 0 "err:bootloader_dio_40m.bin"
at "it is in flash" 0x1000 bootloader.bin
echo "{\"extra\": {\"flash_images\": [{\"offset\": \"0x1000\", \"path\": \"/etc/passwd\"}, {\"path\": 7}, 3]}}" \
    >pio/.pio/build/release/idedata.json
flash pio --env release
expect "idedata.json names what is no bootloader" 0 "err:nothing boots: there is no bootloader"

# ---- ESPHome -----------------------------------------------------------------------------------------------------------
esphome=home/.esphome/build/kitchen/.pioenvs/kitchen
platformio $esphome
rm $esphome/littlefs.bin
"$ESPOTA" flash -q --port file:firmware.factory.bin --chip esp32 --flash 4M $esphome
head -c 262144 firmware.factory.bin >$esphome/firmware.factory.bin
cp $esphome/firmware.bin $esphome/firmware.ota.bin
for path in home home/.esphome/build/kitchen $esphome; do
    flash "$path"
    expect "ESPHome: $path" 0 "err:'app0' boots next"
    first_line "and it is said" "Found an ESPHome build for the ESP32 in $esphome: bootloader.bin, firmware.bin, partitions.bin"
done
at "the app is in flash" 0x10000 app.bin
flash $esphome/firmware.factory.bin
expect "ESPHome: firmware.factory.bin" 0 "err:'app0' boots next"
same "is all of it" firmware.factory.bin flash.bin
cp -r home/.esphome/build/kitchen home/.esphome/build/cellar
mv home/.esphome/build/cellar/.pioenvs/kitchen home/.esphome/build/cellar/.pioenvs/cellar
flash home
expect "ESPHome: two devices" 2 "err:several: ESPHome device: cellar, kitchen"
flash home --env cellar
expect "ESPHome: one by name" 0 "err:cellar"
cp other.bin $esphome/firmware.ota.bin
flash home --env kitchen
expect "ESPHome: an app of another build beside it" 2 "err:which app?" "err:--app FILE"

# ---- Tasmota -----------------------------------------------------------------------------------------------------------
cat >safeboot.csv <<'CSV'
nvs,data,nvs,0x9000,0x5000
otadata,data,ota,0xe000,0x2000
safeboot,app,factory,0x10000,0xD0000
app0,app,ota_0,0xE0000,0x2D0000
spiffs,data,spiffs,0x3B0000,0x50000
CSV
image safeboot.bin --size 128K --project safeboot
mkdir tasmota
image tasmota/tasmota32.bin --size 256K --project tasmota
run flash --port file:made.bin --chip esp32 --flash 4M --bootloader bootloader.bin --table safeboot.csv --app safeboot.bin --slot safeboot
run write --port file:made.bin app0 tasmota/tasmota32.bin
run boot --port file:made.bin app0
head -c 1310720 made.bin >tasmota/tasmota32.factory.bin
for path in tasmota/tasmota32.factory.bin tasmota; do
    flash "$path"
    expect "Tasmota: $path" 0 "err:'app0' boots next"
done
at "the app is in its slot" 0xe0000 tasmota/tasmota32.bin
at "safeboot is in its own" 0x10000 safeboot.bin
image tasmota/tasmota32.bin --size 256K --project tasmota --seed 3
run flash --port file:flash.bin tasmota/tasmota32.bin
expect "Tasmota: the app alone" 0 "err:goes into 'app0'"
at "safeboot stays" 0x10000 safeboot.bin
run boot --port file:flash.bin safeboot
run flash --port file:flash.bin other.bin
expect "Tasmota: while safeboot runs" 0 "err:goes into 'app0', and 'safeboot' stays" "err:'app0' boots next"
at "the app is in its slot" 0xe0000 other.bin
at "safeboot stays" 0x10000 safeboot.bin
run flash --port file:flash.bin tasmota
expect "Tasmota: an app of another build beside the merged image" 2 "err:which app?"

# ---- Zephyr ------------------------------------------------------------------------------------------------------------
zephyr() { # FOLDER CONFIG...
    mkdir -p "$1/zephyr"
    printf '%s\n' 'CONFIG_SOC_SERIES="esp32"' "${@:2}" >"$1/zephyr/.config"
    cp app.bin "$1/zephyr/zephyr.bin"
}
zephyr zephyr/build CONFIG_ESP_SIMPLE_BOOT=y
touch zephyr/build/zephyr/zephyr.elf
for path in zephyr zephyr/build zephyr/build/zephyr zephyr/build/zephyr/zephyr.bin zephyr/build/zephyr/zephyr.elf; do
    flash "$path"
    expect "Zephyr, simple boot: $path" 0
    first_line "and it is said" "Found a Zephyr build for the ESP32 in zephyr/build"
done
at "the image is where the ROM starts it" 0x1000 app.bin
cp other.bin zephyr/build/zephyr/zephyr.bin
run flash --port file:flash.bin --chip esp32 zephyr
expect "Zephyr: a newer build over an older one" 0 "err:written"
at "is in flash" 0x1000 other.bin
flash sketch --env esp32.esp32.esp32
run flash --port file:flash.bin --chip esp32 zephyr
expect "Zephyr: not over another firmware" 5 "err:holds a partition table" "err:--erase"
run flash --port file:flash.bin --chip esp32 --erase zephyr
expect "Zephyr: unless that is said" 0
zephyr zephyr/build CONFIG_BOOTLOADER_MCUBOOT=y CONFIG_FLASH_LOAD_OFFSET=0x20000
flash zephyr
expect "Zephyr, MCUboot: not signed" 2 "err:has no zephyr/zephyr.signed.bin"
{
    printf '\x3d\xb8\xf3\x96'
    cat app.bin
} >zephyr/build/zephyr/zephyr.signed.bin
flash zephyr
expect "Zephyr, MCUboot" 0 "err:MCUboot is not in this build"
at "the app is in its slot" 0x20000 zephyr/build/zephyr/zephyr.signed.bin
mkdir -p sys/build
mv zephyr/build sys/build/blinky
zephyr sys/build/mcuboot CONFIG_MCUBOOT=y
for path in sys sys/build sys/build/blinky; do
    flash "$path"
    expect "Zephyr, sysbuild: $path" 0 "err:zephyr.bin, zephyr.signed.bin"
done
at "MCUboot is where the ROM starts it" 0x1000 app.bin
at "the app is in its slot" 0x20000 sys/build/blinky/zephyr/zephyr.signed.bin
run flash --port file:flash.bin --chip esp32 sys
expect "Zephyr, sysbuild: again" 0 "err:0K written"
zephyr old/build CONFIG_BOOTLOADER_ESP_IDF=y
mkdir -p old/build/esp-idf/build/bootloader
cp bootloader.bin old/build/esp-idf/build/bootloader/
cp table.bin old/build/esp-idf/build/partitions_singleapp.bin
flash old
expect "Zephyr, ESP-IDF's bootloader" 0 "err:'app0' boots next"
sed -i 's/esp32/nrf52840/' old/build/zephyr/.config
flash old
expect "Zephyr: for another chip" 4 "err:it is for nrf52840"
rm old/build/zephyr/.config
flash old
expect "Zephyr: no .config" 1 "err:zephyr/.config, which says how it boots, is missing"

# ---- Rust --------------------------------------------------------------------------------------------------------------
mkdir rust
touch rust/Cargo.toml
flash rust
expect "Rust: nothing built" 2 "err:it is a Rust project without a program for an ESP32: 'cargo build' makes one"
mkdir -p rust/target/debug rust/target/release/deps
printf '%b' '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0' >rust/target/debug/host
flash rust
expect "Rust: a program of the host is none" 2 "err:without a program"
rust=rust/target/xtensa-esp32-none-elf
mkdir -p $rust/debug $rust/release
"$BUILD/tools/mkelf" $rust/debug/blinky esp32 65536
for path in rust rust/Cargo.toml $rust/debug $rust/debug/blinky; do
    flash "$path"
    expect "Rust: $path" 0 "err:is an ELF file: made into an app image for the ESP32"
done
flash rust
first_line "and it is said" "Found a Rust build for the ESP32 in $rust/debug: blinky"
cp flash.bin project.bin
flash $rust/debug/blinky
same "the program alone is the same" flash.bin project.bin
cp $rust/debug/blinky $rust/release/
flash rust
expect "Rust: two profiles" 2 "err:several: Rust program: debug/blinky, release/blinky"
for name in release release/blinky; do
    flash rust --env $name
    expect "Rust: one by name, $name" 0 "err:in $rust/release:"
done
cp bootloader.bin $rust/release/ # as esp-idf-sys leaves them
cp table.bin $rust/release/partition-table.bin
flash rust --env release
expect "Rust with ESP-IDF: bootloader and table are beside it" 0 "err:blinky, bootloader.bin, partition-table.bin" "err:'app0' boots next"
cp $rust/debug/blinky $rust/debug/other
flash rust --env debug
expect "Rust: two programs" 2 "err:debug/blinky, debug/other"

# ---- files with addresses ----------------------------------------------------------------------------------------------
uf2() { # IN OUT ADDRESS FAMILY
    python3 - "$@" <<'PY'
import struct, sys
data = open(sys.argv[1], "rb").read()
base, family = int(sys.argv[3], 0), int(sys.argv[4], 0)
blocks = [data[i:i + 256].ljust(256, b"\0") for i in range(0, len(data), 256)]
with open(sys.argv[2], "wb") as out:
    for i, block in enumerate(blocks):
        out.write(struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, base + i * 256, 256, i, len(blocks), family)
                  + block.ljust(476, b"\0") + struct.pack("<I", 0x0AB16F30))
PY
}
"$ESPOTA" flash -q --port file:merged.bin --chip esp32 --flash 4M sketch --env esp32.esp32.esp32
head -c 262144 merged.bin | tail -c +4097 >merged-part.bin
uf2 app.bin app.uf2 0 0x1c5f21b0
uf2 merged-part.bin merged.uf2 0x1000 0x1c5f21b0
uf2 merged-part.bin elsewhere.uf2 0x0 0x1c5f21b0
uf2 c3.bin c3.uf2 0 0x1c5f21b0
cp merged.bin flash.bin
run flash --port file:flash.bin app.uf2
expect "UF2: an app" 0 "err:goes into 'app0'"
first_line "and it is said" "Found app.uf2: an app image for the ESP32, as UF2; app 'blinky' 2.1"
flash merged.uf2
expect "UF2: a merged image" 0 "err:'app0' boots next"
same "is all of it" merged.bin flash.bin
flash elsewhere.uf2
expect "UF2: a merged image at a wrong place" 4 "err:belongs to 0x1000 in flash, but the file says 0x0"
flash c3.uf2
expect "UF2: for one chip, with another one's app" 4 "err:it says it is for the ESP32, but the image in it is for the ESP32-C3"
head -c 1000 app.uf2 >cut.uf2
flash cut.uf2
expect "UF2: cut off" 4 "err:the file is cut off"

# ---- what lies about ---------------------------------------------------------------------------------------------------
mkdir mixed
cp app.bin bootloader.bin mixed
boot mixed/bootloader.bin esp32c3
flash mixed
expect "a bootloader for one chip, an app for another" 4 "err:files for two chips" \
    "err:mixed/app.bin is for the ESP32, mixed/bootloader.bin for the ESP32-C3"
arduino both/build/esp32.esp32.esp32
platformio both/.pio/build/esp32dev
flash both
expect "two toolchains in one folder" 2 "err:PlatformIO environment: esp32dev; Arduino board: esp32.esp32.esp32"
flash both --env esp32dev
expect "one by name" 0 "err:Found a PlatformIO build"
mkdir page
echo '<!DOCTYPE html><html><body>404</body></html>' >page/firmware.bin
flash page
expect "a web page saved as firmware.bin" 4 "err:cannot flash page/firmware.bin as the app: it is an HTML page"
flash page/firmware.bin
expect "and alone" 4 "err:it is an HTML page"
mkdir odd
cp app.bin odd
mkfifo odd/bootloader.bin
ln -s loop.bin odd/loop.bin
mkdir odd/folder.bin
truncate -s 5G odd/huge.bin
flash odd
expect "pipes, loops, folders and giants are not looked at" 0 "err:odd/bootloader.bin is not looked at: it is no regular file" \
    "err:odd/loop.bin is not looked at" "err:odd/folder.bin is not looked at: it is a folder" \
    "err:odd/huge.bin is not looked at: it is larger than any flash"
flash odd/bootloader.bin
expect "a pipe alone, into which nobody writes" 1 "err:it is a pipe, and nobody writes to it"
flash /dev/null
expect "a device" 2 "err:is neither a file nor a folder"
ln -s around around
flash around
expect "a link to itself" 2 "err:nothing to flash: cannot look at around"
mkdir links
head -c 65536 /dev/zero >secret.bin
ln -s ../secret.bin links/littlefs.bin
ln -s ../app.bin links/firmware.bin
flash links
expect "a link out of the folder: an image may be where it likes" 0 "err:Found images for the ESP32 in links: firmware.bin" \
    "err:links/littlefs.bin is not flashed: it is a link out of its folder"
mkdir empty
flash empty
expect "an empty folder" 2 "err:there is nothing to flash in empty"
mkdir -p deep/in
ln -s .. deep/in/build
flash deep
expect "a folder in a circle" 2 "err:there is nothing to flash in deep"
flash empty --env x
expect "--env in an empty folder" 2 "err:nothing to flash"
flash mixed/app.bin --env x
expect "--env with a file" 2 "err:there is no build 'x' in mixed/app.bin"
flash pio/.pio/build/esp32dev --env x
expect "--env with the build itself" 2 "err:it is one itself"
run flash --port file:flash.bin --env x
expect "--env without a folder" 2 "err:--env names a build of a folder"

# ---- layouts that the app's firmware looks for --------------------------------------------------------------------------
image mpy.bin --size 64K
python3 - <<'PY'
import hashlib
data = bytearray(open("mpy.bin", "rb").read())
data[0x8000:0x8018] = b"3.4.0; MicroPython v9.9 "
total = 0xEF
for byte in data[32:32 + int.from_bytes(data[28:32], "little")]:
    total ^= byte
data[-33] = total
data[-32:] = hashlib.sha256(data[:-32]).digest()
open("mpy.bin", "wb").write(data)
PY
flash mpy.bin
first_line "MicroPython is known by its version" "Found mpy.bin: an app image for the ESP32; MicroPython v9.9"
expect "a known firmware in another layout" 0 "err:--for micropython plans the one that this app looks for"
flash --app mpy.bin --for micropython
expect "in its own" 0 "err:Planned layout single of micropython for 4M of flash" "err:written"
at "the app is where it belongs" 0x10000 mpy.bin
flash --app app.bin --for tasmota --bootloader bootloader.bin
expect "Tasmota's layout: the app is not safeboot" 0 "err:'app0' boots next"
at "the app is in its slot" 0xe0000 app.bin
flash --app app.bin --for nobody
expect "an unknown firmware" 2 "err:no layout is known for 'nobody'"
CHIP=esp32
run flash --port file:large.bin --chip esp32 --flash 32M --for arduino --app app.bin
expect "an app partition beyond 16M" 0 "err:warning: 'app1' ends beyond the first 16M"
run flash --port file:large.bin --chip esp32 --app app.bin
expect "and on a device that has one" 0 "err:warning: 'app1' ends beyond the first 16M of flash: an ESP32 cannot run an app from there"
image s3.bin --size 64K --chip esp32s3
run flash --port file:s3.dump --chip esp32s3 --flash 32M --for arduino --app s3.bin -q
run flash --port file:s3.dump --chip esp32s3 --app s3.bin
if [[ "$ERR" == *"beyond the first"* ]]; then not_ok "an ESP32-S3 can" "$ERR"; else ok "an ESP32-S3 can"; fi

# ---- an app alone: where it goes, and why --------------------------------------------------------------------------------
flash --no-ota --app app.bin
expect "a new layout" 0 "err:app.bin goes into 'MicroPython'"
run flash --port file:flash.bin other.bin
expect "one partition for apps" 0 "err:goes into 'MicroPython', the partition that boots next (the only one for apps)"
flash --app app.bin --bootloader bootloader.bin
run flash --port file:flash.bin other.bin
expect "two slots" 0 "err:goes into 'MicroPython_1', the partition that boots next (otadata says so)"
run ota --port file:flash.bin --file app.bin
run flash --port file:flash.bin other.bin
expect "the other one, after an update" 0 "err:goes into 'MicroPython_2', the partition that boots next (otadata says so)"
run erase --port file:flash.bin MicroPython_2
run flash --port file:flash.bin app.bin
expect "the one that otadata names is empty" 0 "err:goes into 'MicroPython_1', the partition that boots next (the one that otadata names does not start)"
run erase --port file:flash.bin otadata
run flash --port file:flash.bin app.bin
expect "no otadata" 0 "err:(otadata is empty)" "err:'MicroPython_1' boots next"
run flash --port file:flash.bin app.bin --slot MicroPython_3
expect "no such slot" 2 "err:no app partition 'MicroPython_3', but 'MicroPython_1', 'MicroPython_2'"
image large.bin --size 1100K
run flash --port file:flash.bin large.bin
expect "an app that does not fit" 1 "err:large.bin is 1126400 bytes, but partition 'MicroPython_1' holds 1048576: 77824 too many"
run flash --port file:flash.bin --chip esp32 c3.bin
expect "an app for another chip" 4 "err:c3.bin is an image for ESP32-C3"
