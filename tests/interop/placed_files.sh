#!/usr/bin/env bash
# Intel HEX and UF2 as esptool and Python's intelhex write them.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
venv=$("$ROOT/tests/venv.sh" 2>venv.log) || { skip "placed files" "esptool cannot be installed: $(tail -1 venv.log)"; exit 0; }
make_build --size 150K
"$ESPOTA" flash -q --port file:table.bin --chip esp32 --flash 4M build
dd if=table.bin of=partitions.bin bs=4096 skip=8 count=1 status=none
parts=(0x1000 build/bootloader.bin 0x8000 partitions.bin 0x10000 build/firmware.bin)

# blank FILE: 4M of FF.
blank() { head -c 4194304 /dev/zero | tr '\0' '\377' >"$1"; }

merge() { "$venv/bin/esptool" --chip "$1" merge-bin --format "$2" -o "$3" "${parts[@]}" >merge.log 2>&1 || cat merge.log; }

blank expected.bin
dd if=build/bootloader.bin of=expected.bin bs=4096 seek=1 conv=notrunc status=none
dd if=partitions.bin of=expected.bin bs=4096 seek=8 conv=notrunc status=none
dd if=build/firmware.bin of=expected.bin bs=4096 seek=16 conv=notrunc status=none
for format in hex uf2; do
    merge esp32 $format merged.$format
    blank board.bin
    run write -c esp32 --port file:board.bin all merged.$format
    expect "$format of esptool is written" 0 "err:where it says"
    same "as esptool means it" board.bin expected.bin
    run verify -c esp32 --port file:board.bin all merged.$format
    expect "and verified" 0 "err:are the same"
done
merge esp32s3 uf2 s3.uf2
run write -c esp32 --port file:board.bin all s3.uf2
expect "UF2 for another chip" 4 "err:a UF2 file for the ESP32-S3" "err:ESP32"
same "and flash is as it was" board.bin expected.bin

# Raw merged images of both forms are what esptool says they are.
"$venv/bin/esptool" --chip esp32 merge-bin -o whole.bin "${parts[@]}" >merge.log 2>&1
"$venv/bin/esptool" --chip esp32 merge-bin --target-offset 0x1000 -o part.bin "${parts[@]}" >merge.log 2>&1
run image whole.bin
expect "a merged image from 0x0" 4 "err:a merged image for the ESP32 (bootloader, partition table and app in one file, for flash from 0x0"
run write -c esp32 --port file:board.bin 0 part.bin
expect "a merged image from 0x1000" 5 "err:for flash from 0x1000 on"
run write -c esp32 --port file:board.bin 0 whole.bin
expect "in its place it is written" 0 "err:verified"
same "and is what it should be" board.bin expected.bin

# Stretches with gaps, and addresses by segment.
cat >gaps.py <<'END'
import random
from intelhex import IntelHex
random.seed(1)
flash = bytearray(b"\xff" * 4194304)
hexfile = IntelHex()
for sector in range(0x180, 0x280, 3):
    at = sector * 4096 + random.randrange(1000)
    data = bytes(random.randrange(256) for _ in range(random.randrange(1, 6000)))
    for i, byte in enumerate(data):
        hexfile[at + i] = byte
        flash[at + i] = byte
hexfile.write_hex_file("gaps.hex")
open("gaps.bin", "wb").write(flash)
END
"$venv/bin/python3" gaps.py
blank board.bin
run write -c esp32 --port file:board.bin all gaps.hex
expect "Intel HEX with gaps" 0 "err:where it says"
same "as intelhex means it" board.bin gaps.bin
