#!/usr/bin/env bash
# Words and offers that have to be right: what cannot be had is not offered, one byte is no "bytes".
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
# does_not NAME TEXT: the last run did not say so
does_not() { if [[ $OUT$ERR != *"$2"* ]]; then ok "$1"; else not_ok "$1" "$OUT" "$ERR"; fi; }

make_build --version 1.0 --seed 1 --size 64K
"$ESPOTA" flash -q --port file:flash.bin --flash 4M --force2p build

run flash --port file:flash.bin --appsize 3M --force2p --erase
expect "a layout that is too large for this flash" 1 "err:use --appsize 1984K or less or --no-ota"
does_not "no larger flash is offered for it" "--flash 8M"
run flash --port file:new.bin --flash 4M --appsize 3M --force2p build
expect "a file that is to be made may have more" 1 "err:--flash 8M"
run plan --flash 4M --appsize 3M --force2p
expect "so may what is planned" 1 "err:--flash 8M"
run plan --flash 3M
expect "a flash that there is not" 2 "err:no ESP32 has 3M of flash"
head -c 1 build/firmware.bin >one
run plan --flash 4M --appsize 1
expect "one byte, rounded up" 0 "err:from 1 byte to 64K"
run write --port file:flash.bin 0x200000 one
expect "one byte, written" 0 "err:Wrote 1 byte to"
run verify --port file:flash.bin 0x200000 one
expect "one byte, compared" 0 "err:1 byte is the same"
run read --port file:flash.bin 0x200000+1 back
expect "one byte, read" 0 "err:Read 1 byte from"
run rollback --port file:flash.bin
expect "no other app to go back to" 4 "err:no other partition"
does_not "nothing is promised" "boots next"
run table --port /dev/nowhere -b 921600
expect "-b is a rate where there is a device" 3 "err:/dev/nowhere"
run sim --flash-file x --flash 4M --secure-download
expect "what an ESP32 has not" 2 "err:an ESP32 has no secure download mode: from revision 3 on, download mode can be switched off"
for chip in esp32 esp32s2 esp32c2; do
    run sim --flash-file x --flash 4M --chip $chip --lines usb-jtag
    expect "what $chip has not" 2 "err:has no USB-Serial/JTAG controller"
done
check "and no flash is made for it" test ! -e x

# ---- one of them
mkdir single
printf x >single/byte
run fs make single -o single.bin --size 64K --type littlefs
expect "a folder of one byte" 0 "err:1 file, 0 directories, 1 byte;"
run fs get --image single.bin / got
expect "and back" 0 "err:1 byte, into"
run fs ls --image single.bin
expect "and listed" 0 "out:1 file, 0 directories, 1 byte"
printf 'one,data,nvs,0x9000,0x6000\n' >one.csv
run table one.csv
expect "a table of one" 0 "out:1 partition, valid; it ends at 0xf000"
run table one.csv --flash 4M
expect "which fits" 0 "out:1 partition, valid; it fits 4M"
run plan --flash 4M --fssize 1
expect "a file system of one byte" 2 "err:a file system of 1 byte is less"
run plan --flash 4M --nvs-size 4K
expect "a small NVS" 2 "err:nvs of 4K does not do"
run sim --flash-file x --flash 3M
expect "a size that no flash has" 2 "err:no flash chip has 3M, but 1M, 2M, 4M and so on up to 128M"
run status --port file:nowhere --port file:neither
expect "of two" 3 "err:2 of 2 devices failed"
printf 'name,address\nboard,file:nowhere\n' >list.csv
run status --devices list.csv
expect "of one" 3 "err:1 of 1 device failed"
mkfifo pipe
run image pipe
expect "a pipe that nobody writes to" 1 "err:it is a pipe, and nobody writes to it"
(sleep 0.5; cat build/firmware.bin >pipe) &
run image pipe
expect "one that somebody writes to" 0 "out:65536 bytes"
run image <(cat build/firmware.bin)
expect "and one of the shell's" 0 "out:65536 bytes"

# ---- one sector of a whole image went bad: it is mended in one go, though the header's sector has to go first
rm -rf build mend.bin
make_build --size 64K --seed 1
"$MKIMAGE" -o large.bin --size 400K --seed 2 --version 2.0
"$ESPOTA" flash -q --port file:mend.bin --flash 4M build >/dev/null
start_sim --flash-file mend.bin
run ota --port "$TTY" --file large.bin
expect "an image in the other slot" 0 "err:will be started from 'MicroPython_2'"
stop_sim
printf 'bad' | dd of=mend.bin bs=1 seek=$((0x110000 + 0x43000)) conv=notrunc status=none
start_sim --flash-file mend.bin
run ota --port "$TTY" --file large.bin
expect "is mended" 0 "err:will be started from 'MicroPython_2'"
[[ "$ERR" != *"agent decoded"* ]] && ok "and the decoder is not blamed" || not_ok "and the decoder is not blamed" "$ERR"
check "all of it" cmp -i $((0x110000)):0 -n $((400 * 1024)) mend.bin large.bin
stop_sim
