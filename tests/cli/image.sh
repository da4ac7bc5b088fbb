#!/usr/bin/env bash
# image: an image of an ELF file, files merged, and a merged image taken apart. That the bytes are esptool's is for
# tests/interop.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
make_build --size 150K
"$BUILD/tools/mkelf" app.elf esp32 30000
"$BUILD/tools/mkelf" anonymous.elf esp32c6 30000 --anonymous
"$ESPOTA" plan --flash 4M --binary table.bin -q >/dev/null
head -c 3000 /dev/urandom >settings.bin

# ---- an image of an ELF file
run image app.elf
expect "an ELF file is shown as its image" 0 "out:Chip:        ESP32" "out:ELF SHA-256: $(sha256sum app.elf | cut -d' ' -f1)" "out:0x3f400020" "out:DROM"
run image app.elf -o made.bin
expect "it becomes one" 0 "err:app.elf is an ELF file: made into an image for the ESP32"
run image made.bin
expect "which is right" 0 "out:SHA-256:" "out:correct" "out:Revisions:   v0.0 and later"
run image app.elf -o other.bin --flash-mode dio --flash-freq 80m --flash-size 8M --min-rev-full 300 --max-rev-full 399
expect "with other settings" 0
run image other.bin
expect "which it has" 0 "out:Flash:       DIO, 80 MHz, 8M" "out:Revisions:   v3.0 and later, up to v3.99"
run image anonymous.elf -o made.bin
expect "one that does not say its chip" 2 "err:may be for the ESP32-C5, ESP32-C6, ESP32-C61 or ESP32-H2" "err:give --chip"
run image anonymous.elf -o made.bin --chip esp32c6
expect "but is told" 0 "err:for the ESP32-C6"
run image anonymous.elf -o made.bin --chip esp32
expect "wrongly" 4 "err:is no program for the ESP32"
run image app.elf -o made.bin --chip esp31
expect "a chip that there is not" 2 "err:--chip 'esp31' is not known"
run image app.elf -o made.bin --flash-freq 60m
expect "a frequency that the chip does not have" 2 "err:an ESP32 has keep, 80m, 20m, 26m, 40m"
run image app.elf -o made.bin --max-rev-full 70000
expect "a revision out of range" 2 "err:--max-rev-full takes a number up to 65535"
run image app.elf -o made.bin --dont-append-digest --secure-pad-v2
expect "options that contradict" 2 "err:room for a signature"
run image build/firmware.bin -o made.bin
expect "of what is no ELF file none is made" 4 "err:an image is made of an ELF file, but it is an app image for the ESP32"
run image app.elf -o nowhere/made.bin
expect "where nothing can be written" 1 "err:nowhere/made.bin"

# ---- merging
parts=(0x1000 build/bootloader.bin 0x8000 table.bin 0x9000 settings.bin 0x10000 build/firmware.bin)
for format in raw hex uf2; do
    run image --merge --format $format -o merged.$format "${parts[@]}"
    expect "files are merged into $format" 0 "err:Merged into merged.$format"
done
run image merged.raw
expect "the result is a merged image" 4 "err:a merged image for the ESP32 (bootloader, partition table and app"
run image --merge -o merged.json --json "${parts[@]}"
expect "as JSON" 0 'out:"offset": 32768'
run image --merge -o elf.bin 0x10000 app.elf
expect "an ELF file is merged as its image" 0 "err:app.elf is an ELF file"
check "at its place" cmp -i 65536:0 elf.bin <("$ESPOTA" image -q app.elf -o - 2>/dev/null)
run image --merge -o x.bin 0x8000 table.bin 0x8800 settings.bin
expect "two that overlap are named" 2 "err:table.bin (0x8000, 3072 bytes) and settings.bin (0x8800) overlap"
run image --merge -o x.bin --target-offset 0x2000 "${parts[@]}"
expect "what lies before the beginning" 2 "err:build/bootloader.bin goes to 0x1000, before 0x2000"
run image --merge -o x.bin 0x8000
expect "half a pair" 2 "err:pairs of ADDRESS and FILE"
run image --merge -o x.bin table.bin 0x8000
expect "a pair the wrong way round" 2 "err:'table.bin' is no address"
run image --merge "${parts[@]}"
expect "no output" 2 "err:--output"
run image --merge -o x.uf2 --format uf2 0x9000 settings.bin
expect "UF2 for no chip" 2 "err:give --chip"
run image --merge -o x.uf2 --format uf2 --chunk-size 477 --md5-disable "${parts[@]}"
expect "a block too large" 2 "err:1 to 476 bytes"
run image --merge -o x.elf --format elf "${parts[@]}"
expect "a format that there is not" 2 "err:use raw, hex or uf2"
run image --merge -o x.bin 0xfffff000 build/firmware.bin
expect "beyond the end" 1 "err:ends beyond 4G"
run image --merge --extract x -o x "${parts[@]}"
expect "not both at once" 2 "err:contradict"
check "nothing was written" test ! -e x.bin -a ! -e x.uf2 -a ! -e x.elf

# ---- extracting
for format in raw hex uf2; do
    run image merged.$format --extract $format-parts
    expect "$format is taken apart" 0 "out:bootloader.bin" "out:MicroPython_1.bin" "err:Blank, and left out: otadata"
    same "its bootloader" $format-parts/bootloader.bin build/bootloader.bin
    same "its table" $format-parts/partition-table.bin table.bin
    same "its app" $format-parts/MicroPython_1.bin build/firmware.bin
    check "its settings, with the rest of their partition" cmp -n 3000 $format-parts/nvs.bin settings.bin
    check "blank partitions are no files" test ! -e $format-parts/otadata.bin
    check "the table for people" grep -q '^MicroPython_1,app,ota_0' $format-parts/partitions.csv
done
run flash -p file:again.bin --flash 4M raw-parts
expect "the folder can be flashed" 0 "err:'MicroPython_1' boots next"
check "as it was" cmp -n 12288 -i 4096 again.bin merged.raw
run image merged.raw --extract raw-parts
expect "files are not written over" 1 "err:raw-parts/bootloader.bin is there already"
run image build/firmware.bin --extract x
expect "an app alone has no parts" 4 "err:is no merged image with a partition table: it is an app image"
run image merged.raw --extract build/firmware.bin
expect "a folder that is a file" 1 "err:build/firmware.bin"
head -c 100000 merged.raw >cut.bin
run image cut.bin --extract cut --json
expect "of one that is cut off what there is" 0 'out:"cut": true'
tr '\0' '\1' <merged.hex | head -20 | sed '10s/^:10/:11/' >bad.hex
run image bad.hex --extract x
expect "a damaged one" 4 "err:line 10"
