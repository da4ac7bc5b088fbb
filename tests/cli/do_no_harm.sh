#!/usr/bin/env bash
# espota flash loses nothing that it was not told to lose: what is on the device decides, and what a file is.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

"$MKIMAGE" -o bl.bin --kind bootloader --size 20K
"$MKIMAGE" -o app.bin --size 100K --version 1.0 --seed 1
"$MKIMAGE" -o app2.bin --size 100K --version 2.0 --seed 2
head -c 16384 /dev/urandom >nv.bin
blank() { head -c $((4 << 20)) /dev/zero | tr '\0' '\377' >"$1"; } # FILE: 4M of it
put() { dd of="$1" bs=1 seek=$(($2)) conv=notrunc 2>/dev/null; }   # FILE OFFSET: standard input goes there

# refused NAME FILE TEXT...: exit status 5, and the file is as `before.bin`.
refused() {
    local name=$1 file=$2
    shift 2
    expect "$name" 5 "${@/#/err:}"
    same "$name: nothing is written" "$file" before.bin
}

# ---- a table elsewhere, damaged, foreign; other things than tables
run flash -p file:d.bin --flash 4M -c esp32 --bootloader bl.bin --app app.bin --table-offset 0xc000
expect "a device with its table at 0xc000" 0 "err:'MicroPython_1' boots next"
run write -q -p file:d.bin --table-offset 0xc000 nvs nv.bin
cp d.bin before.bin
run flash -p file:d.bin -c esp32 --app app2.bin
refused "a table at 0xc000 is found" d.bin "a partition table at 0xc000" "--table-offset 0xc000" "--erase"
run flash -p file:d.bin -c esp32 --app app2.bin --table-offset 0xc000
expect "and used when told" 0 "err:app2.bin goes into 'MicroPython_1'" "err:'MicroPython_1' boots next"
run verify -p file:d.bin --table-offset 0xc000 nvs nv.bin
expect "nvs is as it was" 0

"$ESPOTA" flash -q -p file:good.bin --flash 4M -c esp32 --bootloader bl.bin --app app.bin
"$ESPOTA" write -q -p file:good.bin nvs nv.bin
for byte in 0x8000 0x8001 0x8003 0x8005 0x8022 0x80d0; do
    cp good.bin d.bin
    printf 'Z' | put d.bin "$byte"
    cp d.bin before.bin
    run flash -p file:d.bin -c esp32 --app app2.bin
    refused "a table with a wrong byte at $byte" d.bin "a damaged partition table at 0x8000" "espota write 0x8000"
done
run flash -p file:d.bin -c esp32 --bootloader bl.bin
refused "not even a bootloader is written there" d.bin "damaged"
run flash -p file:d.bin -c esp32 --app app2.bin --migrate
refused "--migrate needs a table to start from" d.bin "damaged"
run flash -p file:d.bin -c esp32 --app app2.bin --force
expect "--force writes over it" 0 "err:warning: flash holds a damaged partition table"

what() { # NAME OFFSET TEXT: what stands on standard input at OFFSET of blank flash is found
    blank d.bin
    put d.bin "$2"
    cp d.bin before.bin
    run flash -p file:d.bin -c esp32 --bootloader bl.bin --app app.bin
    refused "$1" d.bin "$3" "--erase" "--force"
}
head -c 100000 /dev/urandom | what "encrypted flash" 0x1000 "looks like encrypted flash"
{ printf '\x3d\xb8\xf3\x96'; head -c 60000 /dev/zero; } | what "MCUboot's image" 0x20000 "an image for MCUboot"
what "an app without a table" 0x10000 "an app at 0x10000" <app.bin
printf 'wifi' | what "data far behind" 0x3ff000 "data at 0x3f0000"
printf 'x' | what "a bootloader that is none" 0x1000 "data at 0x0"
run flash -p file:d.bin -c esp32 --bootloader bl.bin --app app.bin --erase
expect "--erase begins anew" 0 "err:Erasing all 4M" "err:'MicroPython_1' boots next"

# what power left of the table that is to be written is no reason to refuse
head -c 64 <(tail -c +$((0x8001)) good.bin) >half.bin
blank d.bin
put d.bin 0x8000 <half.bin
run flash -p file:d.bin -c esp32 --bootloader bl.bin --app app.bin
expect "a half-written table is finished" 0 "err:'MicroPython_1' boots next"

# ---- a device with a table of its own
cat >idf.csv <<'CSV'
nvs,      data, nvs,     0x9000,  0x4000
otadata,  data, ota,     0xd000,  0x2000
phy_init, data, phy,     0xf000,  0x1000
factory,  app,  factory, 0x10000, 1M
ota_0,    app,  ota_0,   ,        1M
ota_1,    app,  ota_1,   ,        1M
storage,  data, fat,     ,        0xf0000
CSV
run flash -p file:idf.bin --flash 4M -c esp32 --bootloader bl.bin --table idf.csv --app app.bin
expect "a table of ESP-IDF's" 0 "err:'factory' boots next"
"$ESPOTA" write -q -p file:idf.bin nvs nv.bin
cp idf.bin before.bin
run flash -p file:idf.bin --app app2.bin --json
expect "an app alone goes into the device's table" 0 'out:"app": "factory"' 'out:"boots": "factory"' 'out:"migration": null'
grep -q '"what": "table"' <<<"$OUT" && not_ok "and no table is written" "$OUT" || ok "and no table is written"
cmp -s -n $((0xd000 - 0x8000)) -i 0x8000 idf.bin before.bin && ok "table and nvs are as they were" || not_ok "table and nvs are as they were"
"$ESPOTA" write -q -p file:idf.bin ota_1 app.bin
"$ESPOTA" boot -q -p file:idf.bin ota_1 --via rom
run flash -p file:idf.bin --app app2.bin
expect "into the slot that boots next" 0 "err:app2.bin goes into 'ota_1', the partition that boots next" "err:'ota_1' boots next"
run flash -p file:idf.bin --app app2.bin --slot ota_0
expect "or into the one that is named, and it boots" 0 "err:otadata:" "err:'ota_0' boots next"
run status -p file:idf.bin --via rom
expect "status agrees" 0 "out:Boots next:  ota_0"
run flash -p file:idf.bin --app app2.bin --slot storage
expect "storage is no app partition" 2 "err:no app partition 'storage'"
cp idf.bin before.bin
run flash -p file:idf.bin --app app.bin --appsize 1M
refused "a layout is changed only when asked for" idf.bin "'factory'" "'storage'" "--migrate" "--erase"
sed 's/^storage.*/more, data, fat, 0x310000, 0xf0000/' idf.csv >other.csv
run flash -p file:idf.bin --table other.csv
refused "a partition that vanishes" idf.bin "'storage'" "vanishes"
head -n 6 idf.csv >short.csv
run flash -p file:short.bin --flash 4M -c esp32 --bootloader bl.bin --table short.csv --app app.bin -q
printf 'precious' | put short.bin 0x380000
cp short.bin before.bin
run flash -p file:short.bin --table idf.csv --migrate
refused "data outside all partitions" short.bin "'storage' would take" "0x380000" "--force"
run flash -p file:short.bin -c esp32 --table idf.csv --migrate --force
expect "is lost when told" 0 "err:'factory' boots next"

# a table that an older generator let pass: a partition that begins within a sector
"$ESPOTA" table idf.csv -q --binary odd.table
printf '\x00\x18\x31\x00\x00\x00\x0e\x00' | put odd.table $((6 * 32 + 4)) # storage at 0x311800
head -c $((7 * 32)) odd.table >odd.head
{ cat odd.head; head -c $((0xc00 - 7 * 32)) /dev/zero | tr '\0' '\377'; } >odd.table
cp idf.bin odd.bin
put odd.bin 0x8000 <odd.table
cp odd.bin before.bin
head -c 8192 nv.bin >fs.bin
run flash -p file:odd.bin -c esp32 --fs-image fs.bin
expect "a partition within a sector is not written" 5 "err:'storage'" "err:0x311800"
same "a partition within a sector: nothing is written" odd.bin before.bin
run flash -p file:odd.bin -c esp32 --app app2.bin
expect "an app goes into the slots of such a table" 0 "err:'ota_0' boots next"
cmp -s -n 32768 -i 0x8000 odd.bin before.bin && ok "and nothing of it is harmed" || not_ok "and nothing of it is harmed"

# ---- what a file is
run flash -p file:idf.bin --app bl.bin
expect "a bootloader is no app" 4 "err:a second-stage bootloader" "err:--bootloader"
head -c $((0x1000)) /dev/zero | tr '\0' '\377' >pad
head -c $((0x110000 + 102400)) good.bin | tail -c +$((0x1001)) >merged.bin # from the bootloader on, as micropython.org has it
head -c $((0x110000 + 102400)) good.bin >padded.bin
for image in merged padded; do
    run flash -p file:idf.bin --app $image.bin
    expect "$image.bin is no app" 4 "err:a merged image" "err:'espota flash FILE'"
    run flash -p file:new-$image.bin --flash 4M $image.bin
    expect "$image.bin is flashed as what it is" 0 "err:bootloader:" "err:table:" "err:MicroPython_1:" "err:'MicroPython_1' boots next"
done
run ota --via rom -p file:idf.bin --file merged.bin
expect "a merged image is no update" 4 "err:a merged image"
run ota --via rom -p file:idf.bin --file bl.bin
expect "nor is a bootloader" 4 "err:a second-stage bootloader"
cp new-merged.bin d.bin
"$ESPOTA" write -q -p file:d.bin nvs nv.bin
tail -c +4097 nv.bin | head -c 12288 >nv2.bin
cp merged.bin merged2.bin
put merged2.bin $((0x8000)) <nv2.bin # has an nvs of its own
run flash -p file:d.bin merged2.bin
expect "a merged image spares the device's nvs" 0 "err:is a merged image, with the partition table" "err:nvs               data  nvs        0x009000  " "err:'nvs' stays" "err:'MicroPython_1' boots next"
run verify -p file:d.bin nvs nv.bin
expect "which is as it was" 0
cp idf.bin before.bin
run flash -p file:idf.bin merged.bin
refused "a merged image with another layout" idf.bin "refused to change the partition table" "--migrate"
mkdir micropython && cp merged.bin micropython/firmware.bin
run flash -p file:fresh.bin --flash 4M micropython
expect "a merged image that a folder calls firmware.bin" 0 "err:bootloader:" "err:'MicroPython_1' boots next"
same "is flashed the same way" fresh.bin new-merged.bin

printf '\x7fELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\x5e\0' >x.elf
printf '<!DOCTYPE html><html></html>' >x.html
printf ':020000040800F2\n:00000001FF\n' >x.hex
"$ESPOTA" table idf.csv -q --binary x.table
for file in "x.elf:x.elf is no ELF file that can be read" "x.html:HTML" "x.hex:there is nothing in it" "x.table:--table" "idf.csv:--table" "bl.bin:--bootloader"; do
    run flash -p file:idf.bin "${file%%:*}"
    expect "flash ${file%%:*}" 4 "err:${file#*:}"
done
run flash -p file:idf.bin app.bin
expect "flash of an app is as --app" 0 "err:app.bin goes into 'ota_0'"
"$MKIMAGE" -o big.bin --size 64K --flash 16M
run flash -p file:idf.bin big.bin
expect "a header with more flash than there is, is a warning" 0 "err:warning: big.bin was built for 16M"

# ---- where nothing boots
run flash -p file:nobl.bin --flash 4M --app app.bin
expect "without a bootloader nothing boots" 0 "err:nothing boots: there is no bootloader in flash at 0x1000" "err:--bootloader"
grep -q "boots next" <<<"$ERR" && not_ok "and nobody says that it does" "$ERR" || ok "and nobody says that it does"
run flash -p file:nobl.bin --bootloader bl.bin
expect "with one it does" 0 "err:'MicroPython_1' boots next"

# ---- build folders
"$ESPOTA" read -q -p file:good.bin otadata otadata.bin
printf 'spiffs, data, spiffs, 0x310000, 0xf0000\n' | cat <(head -n 6 idf.csv) - >arduino.csv
mkdir arduino
cp app.bin arduino/x.ino.bin
cp bl.bin arduino/x.ino.bootloader.bin
cp padded.bin arduino/x.ino.merged.bin
cp otadata.bin arduino/boot_app0.bin
"$ESPOTA" table arduino.csv -q --binary arduino/x.ino.partitions.bin
run flash -p file:arduino.bin --flash 4M arduino
expect "an Arduino build" 0 "err:bootloader:" "err:table:" "err:otadata:" "err:x.ino.partitions.bin; app" "err:'ota_0' boots next"
"$ESPOTA" read -q -p file:arduino.bin 0x8000+0xc00 there.bin
same "its table is in flash" there.bin arduino/x.ino.partitions.bin
mkdir -p pio/.pio/build/esp32dev && pio=pio/.pio/build/esp32dev
cp app.bin $pio/firmware.bin
cp bl.bin $pio/bootloader.bin
cp arduino/x.ino.partitions.bin $pio/partitions.bin
head -c 65536 /dev/urandom >$pio/littlefs.bin
echo unknown >$pio/notes.bin
run flash -p file:pio.bin --flash 4M $pio
expect "a PlatformIO build" 0 "err:bootloader:" "err:0x310000 file system image" "err:'factory' boots next" "err:neither content nor name says where it belongs: notes.bin"
cp app2.bin $pio/old.bin
run flash -p file:pio.bin $pio
expect "two apps in a folder" 2 "err:which app?" "err:firmware.bin" "err:old.bin"
run flash -p file:pio.bin --app $pio/old.bin $pio
expect "--app decides" 0 "err:'factory' boots next"

args() { # FILE
    mkdir -p b && cp app.bin b/app.bin
    printf '{"flash_files": {"0x10000": "app.bin", "0x310000": "%s"}, "app": {"file": "app.bin"}}' "$1" >b/flasher_args.json
}
ln -s ../nv.bin outside && mkdir -p b && ln -s "$WORK/nv.bin" b/link.bin
for file in ../nv.bin "$WORK/nv.bin" sub/../../nv.bin link.bin; do
    args "$file"
    run flash -p file:idf.bin b
    expect "flasher_args.json with $(basename "$file") outside its folder" 1 "err:outside its folder"
done

rm b/link.bin && cp nv.bin b/x.bin
sed -i 's/0x310000.*"}/0x3ff000": "x.bin"}/' b/flasher_args.json # behind all partitions, four sectors where there is one
run flash -p file:idf.bin b
expect "a file that goes beyond the flash" 1 "err:beyond the flash"
head -c 3000 nv.bin >b/x.bin
printf 'somebody' | put idf.bin 0x3ff000
cp idf.bin before.bin
sed -i 's/^storage.*//' idf.csv
"$ESPOTA" table idf.csv -q --binary x.table && put idf.bin 0x8000 <x.table
cp idf.bin before.bin
run flash -p file:idf.bin b
refused "a file with an offset of its own, where data lies that no partition has" idf.bin "x.bin" "0x3ff000" "--force"
run flash -p file:idf.bin b --force
expect "--force writes it" 0 "err:0x3ff000 x.bin"
run flash -p file:idf.bin b
expect "and again, when it is there" 0 "err:x.bin: 3000 bytes, there already"

# ---- what is refused leaves nothing behind
run flash -p file:none.bin --flash 4M --app bl.bin
expect "a refused flash" 4
run flash -p file:none.bin --flash 4M --app app.bin --appsize 4M
expect "one that does not fit" 1
[ ! -e none.bin ] && ok "makes no file" || not_ok "makes no file"

# ---- through a ROM, and what the simulator's bootloader makes of it
cp good.bin sim.bin
"$ESPOTA" write -q --raw -p file:sim.bin MicroPython_2 bl.bin
start_sim --flash-file sim.bin --download
run boot MicroPython_2 -p "$UART" --via rom
expect "a bootloader in a slot cannot be booted" 4 "err:holds no valid app"
stop_sim
"$ESPOTA" write -q --raw -p file:sim.bin MicroPython_1 bl.bin
start_sim --flash-file sim.bin
wait_for "$SIM_LOG" "No bootable app" && grep -q "overlaps the bootloader's memory" "$SIM_LOG" &&
    ok "the bootloader does not start a bootloader" || not_ok "the bootloader does not start a bootloader" "$(cat "$SIM_LOG")"
stop_sim
cp good.bin sim.bin
printf 'Z' | put sim.bin 0x8005
cp sim.bin before.bin
start_sim --flash-file sim.bin --download
run flash -p "$UART" --app app2.bin
refused "through the ROM: a damaged table" sim.bin "a damaged partition table at 0x8000"
stop_sim
