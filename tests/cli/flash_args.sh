#!/usr/bin/env bash
# espota flash with the flasher_args.json of an ESP-IDF build, onto a flash file.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

mkdir b
"$MKIMAGE" -o b/bootloader.bin --kind bootloader --size 20K
"$MKIMAGE" -o b/app.bin --size 64K
head -c 8192 /dev/zero >b/storage.bin
run plan --flash 4M -q --binary b/table.bin
args() { # CHIP
    cat >b/flasher_args.json <<JSON
{ "flash_files": { "0x1000": "bootloader.bin", "0x8000": "table.bin", "0xd000": "ota_data_initial.bin",
                   "0x10000": "app.bin", "0x210000": "storage.bin" },
  "bootloader": { "file": "bootloader.bin" }, "partition-table": { "file": "table.bin" },
  "otadata": { "file": "ota_data_initial.bin" }, "app": { "file": "app.bin" }, "extra_esptool_args": { "chip": "$1" } }
JSON
}
head -c 4194304 /dev/zero | tr '\0' '\377' >flash.bin
args esp32
run flash --port file:flash.bin --chip esp32 b
expect "flashes what flasher_args.json names" 0 "err:'MicroPython_1' boots next"
check "other files go where it says" cmp -n 8192 -i $((0x210000)):0 flash.bin b/storage.bin
args esp32c3
run flash --port file:flash.bin --chip esp32 b
expect "files for another chip than it says" 4 "err:a build for the ESP32-C3: in it, b/bootloader.bin is for the ESP32"
"$MKIMAGE" -o b/bootloader.bin --kind bootloader --size 20K --chip esp32c3
"$MKIMAGE" -o b/app.bin --size 64K --chip esp32c3
run flash --port file:flash.bin --chip esp32 b
expect "a build for another chip" 4 "err:the build is for ESP32-C3"
rm b/app.bin
run flash --port file:flash.bin --chip esp32 b
expect "a file that is not there" 1 "err:names app.bin, which is not there"
mkfifo b/app.bin
run flash --port file:flash.bin --chip esp32 b
expect "a pipe" 1 "err:names app.bin, which is no file"
echo '{nope' >b/flasher_args.json
run flash --port file:flash.bin b
expect "flasher_args.json is no JSON" 1 "err:is no JSON"
echo '{"flash_files": {"zzz": "a.bin"}}' >b/flasher_args.json
run flash --port file:flash.bin b
expect "an entry without an offset" 1 "err:no offset and file"
