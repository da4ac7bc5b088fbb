#!/usr/bin/env bash
# info, read, write, verify, erase, backup, restore, monitor, and the commands that work through the ROM alone.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

make_build --version 1.0 --seed 1 --size 200K
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 200K
head -c 16384 /dev/urandom >nvs.bin
head -c 10000 /dev/urandom >odd.bin
head -c 20000 /dev/urandom >long.bin

start_sim --flash-file flash.bin --flash 4M
export ESPOTA_PORT=$REMOTE
run table
expect "no table on a blank chip" 4 "err:no partition table at 0x8000"
run status --via rom
expect "nor a status" 4 "err:flash it first"
run flash build
expect "flashes by the control lines" 0 "err:boots next"
"$ESPOTA" plan --flash 4M --force2p -o planned.csv --binary planned.bin -q

# ---- info
run info
expect "info" 0 "out:Chip:             ESP32" "out:Crystal:          40 MHz" "out:MAC:              24:0a:c4" "out:Winbond" "out:Secure boot:      off"
run info --json
expect "info as JSON" 0 'out:"chip": "esp32"' 'out:"secure_boot": false' 'out:"flash_encryption": false'
run info --via agent
expect "info from the agent" 0 "out:ESP32" "out:MAC:"
run info --chip esp32s3
expect "info: the wrong chip" 2 "err:is an ESP32, not an ESP32-S3"
run info extra
expect "info: too many arguments" 2 "err:extra"

# ---- table, read
run table --csv
expect "the table on the device" 0 "out:MicroPython_1"
run table --binary read.bin --quiet
same "is the one that was planned" read.bin planned.bin
run table planned.csv --port "$REMOTE"
expect "two tables at once" 2 "err:both name a table"
run read MicroPython_1 app.bin --json
expect "read a partition" 0 'out:"length": 1048576'
head -c 204800 app.bin >head.bin
same "it is what was flashed" head.bin build/firmware.bin
run read 0x8000+0xc00 part.bin
expect "read a range" 0 "err:Read 3072 bytes"
same "it is the table" part.bin planned.bin
"$ESPOTA" read 0x10000+200K - -q >pipe.bin </dev/null
same "read to standard output" pipe.bin build/firmware.bin
run read all all.bin
expect "read all" 0 "err:Read 4194304 bytes"
same "it is the flash" all.bin flash.bin
printf XXXX | dd of=all.bin bs=1 seek=70000 conv=notrunc 2>/dev/null
run read all all.bin --json
expect "read over an earlier read: what differs travels" 0 'out:"read": 4096'
same "and it is the flash again" all.bin flash.bin
run read MicroPython_1 app2.bin --known build/firmware.bin --json
expect "--known: what that file has does not travel" 0 'out:"read": 0'
same "and it is there all the same" app2.bin app.bin
run read MicroPython_1 app2.bin --known nowhere.bin
expect "--known: no such file" 1 "err:nowhere.bin"
run read MicroPython_1 app2.bin --known nowhere.bin --port /dev/no-such-port
expect "--known: no such file, before the device is looked for" 1 "err:nowhere.bin"
run read 0x10000+1 one.bin
expect "a range need not be aligned to be read" 0 "err:Read 1 byte from"
run read nothing x.bin
expect "read: no such partition" 1 "err:no partition 'nothing'"
run read 0x400000+1 x.bin
expect "read: behind the end" 2 "err:not within"
run read 0xfffff000+0x2000 x.bin
expect "read: a range that overflows" 2 "err:0xfffff000"
run read 0x1000+x x.bin
expect "read: no number" 2 "err:no part of flash"
run read nvs
expect "read: no file" 2 "err:an argument is missing"
run read nvs no/where.bin
expect "read: a file that cannot be written" 1 "err:no/where.bin"
[ ! -e x.bin ] && ok "a failed read leaves no file" || not_ok "a failed read leaves no file"
run read nvs x.bin --host 127.0.0.1:1 --key nokey
expect "read: a key that is not there" 1 "err:nokey"

# ---- write, verify, erase
run write nvs nvs.bin --json
expect "write a partition" 0 'out:"length": 16384' 'out:"written": 16384'
run verify nvs nvs.bin
expect "verify it" 0 "err:16384 bytes are the same"
run write nvs nvs.bin --json
expect "what is there already does not travel" 0 'out:"written": 0'
cp nvs.bin changed.bin
printf 'x' | dd of=changed.bin bs=1 seek=9000 conv=notrunc 2>/dev/null
run verify nvs changed.bin
expect "verify finds the difference" 4 "err:0xb000"
run write nvs changed.bin --json
expect "one changed sector is one sector written" 0 'out:"written": 4096'
run write 0x300000 odd.bin
expect "write at an offset" 0 "err:verified"
run verify 0x300000 odd.bin
expect "verify at an offset" 0 "err:10000 bytes are the same"
run write 0x200000+16K -
expect "an empty file is not written" 1 "err:standard input is empty"
"$ESPOTA" write 0x200000+16K - <odd.bin 2>/dev/null
run verify 0x200000+16K odd.bin
expect "write from standard input" 0 "err:are the same"
run write nvs long.bin
expect "a file that does not fit" 1 "err:has room for 16384"
run write 0x300001 odd.bin
expect "an offset within a sector" 2 "err:4K"
run write all odd.bin --host 127.0.0.1
expect "write: a network device needs a key" 2 "err:--key FILE"
run write 0x3ff000 odd.bin
expect "write: behind the end" 1 "err:room for 4096"
run write nvs nowhere.bin
expect "write: no such file" 1 "err:nowhere.bin"
run erase nvs 0x300000+16K
expect "erase a partition and a range" 0 "err:Erased 16K: 'nvs'"
run read nvs x.bin
head -c 16384 /dev/zero | tr '\0' '\377' >blank16.bin
same "the partition is blank" x.bin blank16.bin
run erase nvs nothing
expect "erase: no such partition" 1 "err:no partition 'nothing'"
run erase 0x1001+4K
expect "erase: within a sector" 2 "err:4K"
run erase
expect "erase: nothing named" 2 "err:argument"
run erase 0x10000
expect "erase: no length" 2 "err:no part of flash"
run write nvs nvs.bin -q
run erase nvs 0x1001+4K
expect "erase: the second one is wrong" 2 "err:4K"
run verify nvs nvs.bin
expect "and the first one is not erased" 0

# ---- backup, restore
run backup board.bin
expect "backup" 0 "err:travelled" "err:board.bin.json"
same "it is the flash" board.bin flash.bin
grep -q '"name": "nvs"' board.bin.json && ok "the manifest knows the partitions" || not_ok "the manifest knows the partitions"
run backup board.bin --force
expect "backup over an earlier one: nothing travels" 0 "err: 0K of it travelled"
run restore board.bin --json
expect "restore what is there" 0 'out:"written": 0'
run erase all -q
expect "erase all" 0
run restore board.bin
expect "restore a blank chip" 0 "err:all verified"
same "the flash is as it was" board.bin flash.bin
sed 's/"mac": "24/"mac": "25/' board.bin.json >other.bin.json
cp board.bin other.bin
run restore other.bin
expect "a backup of another device" 5 "err:25:0a:c4" "err:--force"
run restore other.bin --force
expect "is restored when forced" 0 "err:restored"
sed 's/"chip": "esp32"/"chip": "esp32c3"/' board.bin.json >other.bin.json
run restore other.bin --force
expect "a backup of another chip" 4 "err:esp32c3"
cp board.bin.json other.bin.json
printf 'x' | dd of=other.bin bs=1 seek=70000 conv=notrunc 2>/dev/null
run restore other.bin
expect "a damaged backup" 4 "err:SHA-256"
head -c 1000 board.bin >other.bin
run restore other.bin
expect "a cut backup" 4 "err:other.bin"
echo '{"espota_backup": 99}' >other.bin.json
run restore other.bin
expect "a manifest of a later espota" 4 "err:no manifest"
echo '{' >other.bin.json
run restore other.bin
expect "a broken manifest" 4 "err:other.bin.json:2"
rm other.bin.json
run restore other.bin
expect "no manifest" 1 "err:manifest"
run backup no/where.bin
expect "backup: a file that cannot be written" 1 "err:no/where.bin"

# ---- through the ROM, without an agent
run status --via rom
expect "status through the ROM" 0 "out:Boots next:  MicroPython_1" "out:demo 1.0"
run ota --via rom --file new.bin --json
expect "ota through the ROM" 0 'out:"to": "MicroPython_2"'
run status
expect "the agent agrees" 0 "out:Running:     MicroPython_2" "out:valid      demo 2.0 [running]"
run boot MicroPython_1 --via rom
expect "boot through the ROM" 0 "err:'MicroPython_1'"
run status
expect "the agent agrees again" 0 "out:Running:     MicroPython_1"
run boot nvs --via rom
expect "boot through the ROM: no app partition" 1 "err:no factory or OTA app partition"
run ota --via rom --file nvs.bin
expect "ota through the ROM: no image" 4 "err:not an ESP image"
run ota --via wish --file new.bin
expect "--via wish" 2 "err:rom" "err:agent"
run boot MicroPython_2 --via rom --trial
expect "a trial through the ROM" 0 "err:on trial"
run confirm
expect "and the agent confirms it" 0 "err:'MicroPython_2' is confirmed"

# ---- monitor
run monitor --reset --until 'runs from .MicroPython_2' --timeout 10
expect "monitor waits for a line" 0 "out:SPI_FAST_FLASH_BOOT" "out:agent: espota agent"
run monitor --reset --until 'no such line' --timeout 1
expect "and not for ever" 3 "err:matched 'no such line'"
run monitor --reset --timestamps --timeout 1
expect "--timestamps" 0 "out:boot: Loaded app"
grep -qE '^ *\[? *[0-9]+\.[0-9]+' <<<"$OUT" && ok "are on each line" || not_ok "are on each line" "$OUT"
run monitor --until '(' --timeout 1
expect "no regular expression" 2 "err:no regular expression"
run monitor --port file:flash.bin
expect "a file has no console" 1 "err:file:"
stop_sim
run monitor --timeout 2
expect "the device is gone" 3 "err:cannot connect"
unset ESPOTA_PORT

cat >talk.py <<'PY'
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
caller, _ = listener.accept()
caller.sendall(b"Hello\r\nready> ")
caller.recv(1)
PY
python3 talk.py >talk.out &
PIDS+=($!)
wait_for talk.out .
run monitor --port "tcp://127.0.0.1:$(cat talk.out)" --until '^ready> $' --timeout 10
expect "a prompt is a line too" 0 "out:Hello
ready> "

# ---- as a file
run flash --port file:merged.bin --chip esp32 --flash 4M build
expect "a merged image" 0 "err:boots next"
[ "$(stat -c %s merged.bin)" -eq 4194304 ] && ok "is as large as the flash" || not_ok "is as large as the flash"
run flash --port file:none.bin build
expect "a file that is not there needs a size" 3 "err:--flash SIZE"
[ ! -e none.bin ] && ok "and is not made" || not_ok "and is not made"
for command in "table" "status" "read MicroPython_1 x.bin" "verify MicroPython_1 build/firmware.bin" "write nvs nvs.bin" \
    "boot MicroPython_1" "erase nvs" "info"; do
    # shellcheck disable=SC2086
    run $command --port file:merged.bin
    expect "$command on a file" 0
done
run ota --via rom --port file:merged.bin --file new.bin
expect "ota on a file" 0 "err:MicroPython_2"

# ---- another layout on a device with data
start_sim --flash-file moved.bin --flash 4M
export ESPOTA_PORT=$REMOTE
run flash build -q
run write nvs nvs.bin -q
run write internalfs odd.bin -q
run flash build --appsize 1280K
expect "another layout is refused" 5 "err:'MicroPython_2' moves" "err:'internalfs'" "err:--migrate"
run flash build --appsize 1280K --migrate --erase
expect "erase or migrate" 2 "err:--migrate"
run flash build --appsize 1280K --migrate
expect "--migrate changes it" 0 "err:boots next"
run verify nvs nvs.bin
expect "what stays keeps its content" 0 "err:are the same"
run read internalfs x.bin
[ -z "$(tr -d '\377' <x.bin | head -c 1)" ] && ok "what moves is blank" || not_ok "what moves is blank"
run status --via rom --json
expect "otadata boots the app" 0 'out:"boots_next": "MicroPython_1"' 'out:"size": 1310720'
run flash build --migrate --appsize 1280K --json
expect "again: nothing to change" 0 'out:"boots": "MicroPython_1"'
stop_sim
unset ESPOTA_PORT

# ---- what protects a chip
for protection in --secure-boot --flash-encryption; do
    start_sim --flash-file moved.bin $protection
    export ESPOTA_PORT=$REMOTE
    cp moved.bin before.bin
    for command in "flash build" "write nvs odd.bin" "erase nvs" "ota --via rom --file new.bin"; do
        # shellcheck disable=SC2086
        run $command
        expect "$command: refused with $protection" 5 "err:--force"
    done
    same "flash is untouched" moved.bin before.bin
    run info
    expect "info says so" 0 "out:on"
    run erase nvs --force
    expect "--force goes on" 0 "err:Erased"
    stop_sim
done
start_sim --flash-file c3.bin --flash 4M --chip esp32c3 --lines usb-jtag --secure-download
export ESPOTA_PORT=$REMOTE
run info
expect "secure download mode: what it tells" 0 "out:ESP32-C3" "out:ecure download"
run read all x.bin
expect "secure download mode: no reading" 5 "err:secure download mode"
run status --via rom
expect "secure download mode: no status" 5 "err:secure download mode"
stop_sim
