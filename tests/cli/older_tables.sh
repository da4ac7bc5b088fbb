#!/usr/bin/env bash
# Devices whose tables older generators made, or nobody should have: they boot, so they are served, with warnings.
# shellcheck disable=SC2034 # STATUS and the like are lib.sh's
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
older=$ROOT/tests/data/older-tables

"$MKIMAGE" -o boot.bin --kind bootloader --size 20K
"$MKIMAGE" -o old.bin --version 1.0 --size 64K
"$MKIMAGE" -o new.bin --version 2.0 --size 64K

place() { dd if="$1" of="$2" bs=4096 seek="$3" conv=notrunc status=none; } # FILE FLASH SECTOR
# flash_with NAME TABLE: a flash file with a bootloader, this table, an app in ota_0 and something in nvs
flash_with() {
    head -c 4194304 /dev/zero | tr '\0' '\377' >"$1"
    place boot.bin "$1" 1
    place "$2" "$1" 8
    place old.bin "$1" 16
    printf 'settings' | dd of="$1" bs=1 seek=$((0x9004)) conv=notrunc status=none
}

# warned NAME COUNT: the last run warned so often, and each line once
warned() {
    local lines
    lines=$(grep -c '^espota: warning: the partition table: ' <<<"$ERR")
    if [ "$lines" -eq "$2" ] && [ -z "$(sort <<<"$ERR" | uniq -d | grep warning)" ]; then ok "$1"; else not_ok "$1" "$lines warnings instead of $2" "$ERR"; fi
}

while read -r name warnings otadata; do
    flash_with d.bin "$older/$name.bin"
    port=(--port file:d.bin)
    run status "${port[@]}"
    expect "$name: status" 0 "out:Apps:" "out:ota_1"
    warned "$name: status warns of each breach once" "$warnings"
    run status "${port[@]}" -q
    if [ -z "$ERR" ]; then ok "$name: -q is silent"; else not_ok "$name: -q is silent" "$ERR"; fi
    run status "${port[@]}" --json -q
    count=$(python3 -c 'import json,sys; print(len(json.load(sys.stdin)["warnings"]))' <<<"$OUT")
    if [ "$count" = "$warnings" ]; then ok "$name: warnings in JSON"; else not_ok "$name: warnings in JSON" "$OUT"; fi
    run table "${port[@]}" --csv
    expect "$name: table shows it" 0 "out:storage,data,spiffs"
    run read "${port[@]}" nvs nvs.out
    expect "$name: read nvs" 0
    if grep -q settings nvs.out || [ "$name" = two-otadata ]; then ok "$name: it is nvs"; else not_ok "$name: it is nvs"; fi
    run flash "${port[@]}" -c esp32 --app new.bin
    expect "$name: flash of an app alone" 0 "err:new.bin goes into"
    warned "$name: flash warns" "$warnings"
    run flash "${port[@]}" -c esp32 --app new.bin --json -q
    expect "$name: ... and in JSON" 0 'out:"warnings": ['
    run write "${port[@]}" nvs old.bin
    expect "$name: write heeds the partition's size" 1 "err:has room for"
    printf 'changed!' >small
    run write "${port[@]}" nvs small
    expect "$name: write nvs" 0
    run verify "${port[@]}" nvs small
    expect "$name: verify nvs" 0
    run backup "${port[@]}" b.bin
    expect "$name: backup" 0 "err:b.bin.json says"
    warned "$name: backup warns" "$warnings"
    rm -f b.bin b.bin.json
    [ "$otadata" = whole ] || continue
    run ota "${port[@]}" --file new.bin
    expect "$name: ota" 0 "err:On next reboot"
    warned "$name: ota warns" "$warnings"
    run status "${port[@]}" --json
    expect "$name: the update boots next" 0 'out:"boots_next": "' 'out:"version": "2.0"'
    run boot "${port[@]}" "$(if [ "$name" = same-names ]; then echo app; else echo ota_0; fi)"
    expect "$name: boot" 0 "err:On next reboot"
    start_sim -f d.bin >/dev/null 2>&1
    run status --port "$UART"
    expect "$name: the simulator boots it and its agent serves it" 0 "out:Apps:" "out:[running]"
    warned "$name: the agent's host warns" "$warnings"
    stop_sim
done <<'LIST'
no-md5 0 whole
same-names 1 whole
otadata-4k 1 cut
otadata-12k 1 whole
two-otadata 2 whole
app-size 2 whole
unaligned 2 whole
nvs-8k 1 whole
LIST

# ---- what the bootloader refuses
flash_with d.bin "$older/otadata-4k.bin"
run ota --port file:d.bin --file new.bin
expect "otadata that the bootloader cannot read: no OTA" 1 "err:no otadata partition of 8K"
run status --port file:d.bin
expect "... and nothing boots" 0 "out:Boots next:  nothing"
python3 - "$older/nvs-8k.bin" far.bin <<'PY'
import hashlib, struct, sys
table = bytearray(open(sys.argv[1], "rb").read())
struct.pack_into("<I", table, 5 * 32 + 8, 0xf0000000)
table[6 * 32 + 16:7 * 32] = hashlib.md5(table[:6 * 32]).digest()
open(sys.argv[2], "wb").write(table)
PY
flash_with d.bin far.bin
run status --port file:d.bin
expect "a partition beyond the flash" 4 "err:'storage' ends at" "err:beyond the end of the flash"

# ---- neighbours in one sector
flash_with d.bin "$older/unaligned.bin"
printf 'neighbour' | dd of=d.bin bs=1 seek=$((0x211800)) conv=notrunc status=none
printf 'storage' >s
run write --port file:d.bin storage s
expect "write into a partition that ends within a sector" 0
head -c 5000 /dev/zero >long
run write --port file:d.bin storage long
expect "... up to the shared sector" 0
run read --port file:d.bin config c.out
expect "read the neighbour" 0
if grep -q ^neighbour c.out; then ok "the neighbour in the same sector is left alone"; else not_ok "the neighbour in the same sector is left alone"; fi
run write --port file:d.bin config s
expect "write into a partition that begins within a sector" 0
run verify --port file:d.bin storage long
expect "... and the one before it is left alone" 0
run erase --port file:d.bin config
expect "erase knows whole sectors only" 2 "err:multiples of 4K"

# ---- overlaps: looked at, but not written
python3 - overlap.bin <<'PY'
import hashlib, struct, sys
entries = [(1, 2, 0x9000, 0x4000, "nvs"), (1, 0, 0xd000, 0x2000, "otadata"), (0, 0x10, 0x10000, 0x100000, "ota_0"),
           (0, 0x11, 0x80000, 0x100000, "ota_1"), (1, 0x82, 0x170000, 0x90000, "storage"), (1, 6, 0x8000, 0x1000, "low")]
table = b"".join(struct.pack("<2sBBLL16sL", b"\xaa\x50", t, s, o, n, name.encode(), 0) for t, s, o, n, name in entries)
table += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table).digest()
open(sys.argv[1], "wb").write(table.ljust(0xc00, b"\xff"))
PY
flash_with d.bin overlap.bin
cp d.bin before.bin
run status --port file:d.bin
expect "overlapping apps: status" 0 "out:Apps:"
run ota --port file:d.bin --file new.bin
expect "ota into a slot that overlaps the running one is refused" 5 "err:'ota_1'" "err:overlaps"
run flash --port file:d.bin -c esp32 --app new.bin --slot ota_1
expect "flash into a slot that overlaps another is refused" 5 "err:'ota_1'" "err:overlaps"
run write --port file:d.bin storage small
expect "write into a partition that overlaps another is refused" 5 "err:overlaps" "err:give the offset"
run write --port file:d.bin low small
expect "write into a partition over the table is refused" 5 "err:below the end of the partition table"
run erase --port file:d.bin storage
expect "erase of a partition that overlaps another is refused" 5 "err:overlaps"
same "and nothing was written" before.bin d.bin
start_sim -f d.bin >/dev/null 2>&1
cp d.bin before.bin # the bootloader has written otadata at its first boot
run ota --port "$UART" --file new.bin
expect "ota through the agent, too" 5 "err:overlaps"
stop_sim
same "nor by the agent" before.bin d.bin
