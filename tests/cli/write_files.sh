#!/usr/bin/env bash
# What write makes of files that are not plain data: those with addresses go where they say, those that do not belong
# there are refused.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
make_build --size 64K
"$ESPOTA" flash -q --port file:board.bin --chip esp32 --flash 4M build
cp board.bin before.bin
export ESPOTA_PORT=file:board.bin
printf 'customer wifi' >nv
printf '<!DOCTYPE html><p>404' >page.bin
printf 'compressed' | gzip >data.gz
"$ESPOTA" plan --flash 4M --csv >layout.csv
"$BUILD/tools/mkelf" app.elf esp32 10000
"$BUILD/tools/mkelf" c3.elf esp32c3 10000
head -c 5000 app.elf >cut.elf
"$MKIMAGE" -o c3.bin --chip esp32c3 --size 64K
dd if=board.bin of=merged.bin bs=4096 skip=1 count=31 status=none
printf ':02000004000FEB\r\n:10F0000000112233445566778899AABBCCDDEEFF08\r\n:0100000412E9\r\n' >bad.hex
printf ':020000040010EA\r\n:1000100000112233445566778899AABBCCDDEEFFE8\r\n:00000001FF\r\n' >good.hex

# refused NAME TARGET FILE TEXT
refused() {
    run write -c esp32 "$2" "$3"
    expect "$1" 5 "err:$4" "err:--raw"
}
refused "an ELF file over the bootloader" 0x1000 app.elf "is an app image for the ESP32"
refused "a bootloader into an app partition" MicroPython_1 build/bootloader.bin "is a second-stage bootloader for the ESP32"
refused "a merged image into an app partition" MicroPython_1 merged.bin "is a merged image for the ESP32"
refused "a merged image into a data partition" internalfs merged.bin "is a merged image for the ESP32"
refused "a merged image at another offset" 0x10000 merged.bin "for flash from 0x1000 on"
refused "an app in the bootloader's place" 0x1000 build/firmware.bin "is an app image for the ESP32"
refused "a bootloader elsewhere" 0x20000 build/bootloader.bin "is a second-stage bootloader"
refused "an HTML page into an app partition" MicroPython_1 page.bin "is an HTML page"
for pair in "0x1000 data.gz" "0x8000 page.bin" "0x8000 layout.csv"; do
    read -r place file <<<"$pair"
    refused "$file over bootloader or table" "$place" "$file" "which does not belong at"
done
refused "gzip into an app partition" MicroPython_1 data.gz "compressed with gzip"
refused "an app for another chip" MicroPython_1 c3.bin "for the ESP32-C3, which does not belong on ESP32"
run write -c esp32 MicroPython_1 c3.elf
expect "an ELF file for another chip" 4 "err:c3.elf is no program for the ESP32"
run write -c esp32 MicroPython_1 cut.elf
expect "an ELF file that is cut off" 4 "err:damaged or cut off"
same "nothing was written" board.bin before.bin

run write MicroPython_1 page.bin --raw
expect "--raw writes it" 0 "err:verified"
for pair in "nvs nv" "internalfs page.bin" "internalfs data.gz" "0x200000 page.bin" "MicroPython_1 build/firmware.bin" \
    "0x1000 merged.bin" "0x1000 build/bootloader.bin" "0x20000 build/firmware.bin"; do
    # shellcheck disable=SC2086
    run write -c esp32 $pair
    expect "write $pair" 0 "err:verified"
done

run write -c esp32 MicroPython_1 app.elf
expect "an ELF file is written as its image" 0 "err:app.elf is an ELF file: its image is for the ESP32" "err:verified"
run verify -c esp32 MicroPython_1 app.elf
expect "and verified as that" 0 "err:are the same"
run write -c esp32 MicroPython_1 app.elf --raw
expect "or as it is" 0 "err:Wrote $(stat -c %s app.elf) bytes"

# ---- Intel HEX ----------------------------------------------------------------------------------------------------------
cp before.bin board.bin
run write 0 good.hex
expect "Intel HEX goes where it says" 0 "err:Wrote good.hex where it says, from 0x100000 on: 4K written"
check "byte for byte" test "$(od -An -tx1 -j 1048592 -N 16 board.bin | tr -d ' ')" = 00112233445566778899aabbccddeeff
run verify all good.hex
expect "and is verified there" 0 "err:4096 bytes are the same"
run verify --raw 0x100000 good.hex
expect "as it is, it is not there" 4 "err:does not hold"
cp board.bin before.bin
run write nvs good.hex
expect "not in that partition" 5 "err:has bytes for 0x100010, which is not in 'nvs'"
run write 0x200000 good.hex
expect "nor behind that offset" 5 "err:has bytes for 0x100010"
run write all bad.hex
expect "a damaged line" 4 "err:line 3 is not of that format"
head -2 good.hex >cut.hex
run write all cut.hex
expect "a file that is cut off" 4 "err:cut off"
sed 's/:020000040010EA/:020000047000 8A/; s/ //' good.hex >far.hex
run write all far.hex
expect "beyond the flash" 5 "err:has bytes for 0x70000010"
same "nothing was written" board.bin before.bin
run write 0x200000 good.hex --raw
expect "--raw stores the text" 0 "err:verified"
check "as it is" cmp -i 0x200000:0 -n "$(stat -c %s good.hex)" board.bin good.hex

# ---- other commands say the same ----------------------------------------------------------------------------------------
for file in "page.bin:it is an HTML page" "build/firmware.bin:it is an app image for the ESP32" "app.elf:it is an ELF file"; do
    run table "${file%%:*}"
    expect "table of ${file%%:*}" 4 "err:is no partition table: ${file#*:}"
done
run image page.bin
expect "image of a page" 4 "err:it is an HTML page"
run image data.gz
expect "image of an archive" 4 "err:compressed with gzip: unpack it first"
"$ESPOTA" key --signing owner.pem >/dev/null 2>&1
for file in "page.bin:it is an HTML page" "build/bootloader.bin:it is a second-stage bootloader" "merged.bin:it is a merged image"; do
    run sign "${file%%:*}" --key owner.pem --output signed.bin
    expect "sign ${file%%:*}" 4 "err:is no app: ${file#*:}"
done
