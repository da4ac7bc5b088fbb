#!/usr/bin/env bash
# Several files with their places in one command, as users of esptool type them.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
make_build --size 64K
"$ESPOTA" flash -q --port file:board.bin --chip esp32 --flash 4M build
export ESPOTA_PORT=file:board.bin
dd if=board.bin of=table.bin bs=4096 skip=8 count=1 status=none
head -c 5000 /dev/urandom >a.bin
head -c 4000 /dev/urandom >b.bin
head -c 9000 /dev/urandom >c.bin
printf ':020000040030CA\n:1000000000112233445566778899AABBCCDDEEFFF8\n:00000001FF\n' >c.hex # for 0x300000
cp board.bin expected.bin
dd if=a.bin of=expected.bin bs=4096 seek=512 conv=notrunc status=none
dd if=b.bin of=expected.bin bs=4096 seek=9 conv=notrunc status=none
cp board.bin before.bin

run write 0x1000 build/bootloader.bin 0x8000 table.bin 0x10000 build/firmware.bin
expect "what is there is not written again" 0 "err:Wrote build/bootloader.bin, 20480 bytes, to 0x1000: 0K written, verified" "err:3 files: 0K written"
same "and nothing changed" board.bin before.bin
run write 0x200000 a.bin nvs b.bin --json
expect "an offset and a name" 0 "err:Wrote a.bin, 5000 bytes, to 0x200000: 8K written" "err:2 files: " 'out:"target": null' 'out:"length": 9000' 'out:"file": "b.bin"' 'out:"offset": 36864'
check "both are there" cmp -n 5000 -i $((0x200000)):0 board.bin a.bin
check "the second too" cmp -n 4000 -i $((0x9000)):0 board.bin b.bin
run verify 0x200000 a.bin nvs b.bin
expect "both are verified" 0 "err:0x200000 holds a.bin" "err:'nvs' (0x9000) holds b.bin"
run verify 0x200000 a.bin nvs c.bin
expect "the second one differs" 4 "err:'nvs' (0x9000) does not hold c.bin"
run write all c.hex 0x280000 c.bin
expect "Intel HEX among them" 0 "err:Wrote c.hex where it says, from 0x300000 on" "err:Wrote c.bin"
cp board.bin before.bin

# ---- refused before the first is written
run write 0x200000 c.bin 0x202000 a.bin
expect "two that overlap" 2 "err:c.bin for 0x200000 and a.bin for 0x202000 overlap: both would write to the 4K at 0x202000"
run write 0x200000 a.bin 0x201400 b.bin
expect "not even within a sector" 2 "err:0x201400 is no multiple of 4K"
run write nvs c.bin 0x9000 a.bin
expect "by name or not" 2 "err:c.bin for 'nvs' (0x9000) and a.bin for 0x9000 overlap"
run write 0x300000 c.bin all c.hex
expect "with what Intel HEX places" 2 "err:overlap: both would write to the 4K at 0x300000"
run write 0x200000 c.bin 0x10000 build/bootloader.bin
expect "a second file that does not belong there" 5 "err:build/bootloader.bin is a second-stage bootloader"
run write 0x200000 c.bin 0x210000 nowhere.bin
expect "a second file that is not there" 1 "err:nowhere.bin"
run write 0x200000 c.bin nowhere a.bin
expect "a second target that is not there" 1 "err:nowhere"
run write 0x200000 c.bin 0x210000
expect "half a pair" 2 "err:'0x210000' has no file: give pairs of TARGET and FILE"
run verify 0x200000
expect "of verify too" 2 "err:"
run write 0x200000 - 0x210000 -
expect "standard input twice" 2 "err:standard input can be read once"
same "nothing was written" board.bin before.bin

# ---- one job
start_sim --flash-file board.bin --chip esp32 --download --real-time
unset ESPOTA_PORT
head -c 60000 /dev/urandom >d.bin
script -qec "$ESPOTA write --port $REMOTE --baud 921600 0x200000 c.bin 0x240000 d.bin" /dev/null >progress.out 2>&1 </dev/null
check "on a device, both are written" grep -q "2 files: 72K written" progress.out
check "as one job" grep -q "of 72 KiB" progress.out
check "and no other" test -z "$(grep -o "of [0-9]* KiB" progress.out | grep -v "of 72 KiB")"
stop_sim
