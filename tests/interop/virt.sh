#!/usr/bin/env bash
# shellcheck disable=SC2034
# The agent cross-compiled for a 32-bit CPU that nobody here made: QEMU's riscv32 machine 'virt', its flash in a file. The
# host's tool is on the other end of its UART.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
for tool in qemu-system-riscv32 riscv64-unknown-elf-gcc xtensa-lx106-elf-gcc; do
    command -v $tool >/dev/null || { skip "the agent in QEMU" "$tool is not here"; exit 0; }
done
check "the firmware builds" make -s -C "$ROOT" BUILD="$BUILD" firmware
for chip in esp32 esp32c3; do
    run image "$BUILD/firmware/$chip/recovery.bin"
    expect "$chip: the recovery agent is an app image" 0 "out:espota-recovery" "out:correct"
    # bootloaders of ESP-IDF 5 and later abort on an app of which nothing is mapped as data, or as code
    case $chip in
    esp32) expect "$chip: and has something to map" 0 "out:0x3f400020" "out:0x400d01a8         4 bytes at 0x1a8" ;;
    esp32c3) expect "$chip: and has something to map" 0 "out:0x3c000020" "out:0x420001a8         4 bytes at 0x1a8" ;;
    esac
done

"$MKIMAGE" -o bootloader.bin --kind bootloader --size 20K --chip esp32c3
"$MKIMAGE" -o app.bin --chip esp32c3 --size 100K --seed 1
"$MKIMAGE" -o new.bin --chip esp32c3 --size 200K --version 2.0 --seed 2
"$MKIMAGE" -o third.bin --chip esp32c3 --size 200K --version 3.0 --seed 3
"$ESPOTA" flash -q --port file:flash.bin --flash 4M --bootloader bootloader.bin --app app.bin
truncate -s 32M ram.bin
dd if=flash.bin of=ram.bin bs=1M seek=16 conv=notrunc status=none
flash() { dd if=ram.bin of=now.bin bs=1M skip=16 count=4 status=none; } # into now.bin

KERNEL=$BUILD/firmware/virt/recovery.elf
power_on() { # the board; PORT is its UART
    : >qemu.out # what an earlier one said must not be taken for this one's
    qemu-system-riscv32 -machine virt,memory-backend=ram -m 32M -bios none -kernel "$KERNEL" \
        -object memory-backend-file,id=ram,size=32M,mem-path=ram.bin,share=on -display none -monitor none -serial pty \
        >>qemu.out 2>&1 </dev/null &
    QEMU=$!
    PIDS+=("$QEMU")
    wait_for qemu.out redirected
    PORT=$(sed -n 's/.*redirected to \([^ ]*\) .*/\1/p' qemu.out)
}
power_off() {
    kill -9 "$QEMU"
    wait "$QEMU" 2>/dev/null
}

power_on
run status --port "$PORT"
expect "the agent answers" 0 "out:espota on virt" "out:Running:     MicroPython_1" "out:ESP32-C3"
run ota --port "$PORT" --file new.bin --restart
expect "a full update" 0 "err:Image written and verified, total length = 204800 bytes (0 were there already)" "err:Restarted"
run status --port "$PORT"
expect "the new slot runs" 0 "out:Running:     MicroPython_2" "out:demo 2.0 [running]"
flash
cmp -s -i $((0x110000)):0 -n 204800 now.bin new.bin && ok "the image is in flash" || not_ok "the image is in flash"
cp flash.bin expected.bin
"$ESPOTA" ota -q --port file:expected.bin --file new.bin
same "and nothing else changed" now.bin expected.bin

# power is lost midway
"$ESPOTA" ota --port "$PORT" --file third.bin >cut.out 2>cut.err </dev/null &
ota=$!
PIDS+=("$ota")
wait_until 20 sector_in ram.bin 0x1010000 third.bin 10 || not_ok "an update is under way" "$(cat cut.err)"
power_off
wait $ota
STATUS=$? OUT=$(cat cut.out) ERR=$(cat cut.err)
expect "power is lost midway" 3 "err:not finished" "err:still boots"
power_on
run status --port "$PORT"
expect "the app before still runs" 0 "out:Running:     MicroPython_2"
run ota --port "$PORT" --file third.bin --json
expect "the next run finishes" 0 'out:"to": "MicroPython_1"'
kept=$(sed -n 's/.*"kept": \([0-9]*\).*/\1/p' <<<"$OUT")
[ "${kept:-0}" -gt 8192 ] && ok "from what was there ($kept bytes)" || not_ok "from what was there" "$OUT"
run boot MicroPython_2 --port "$PORT" --restart
expect "boot" 0 "err:Restarted"
run status --port "$PORT"
expect "boots the other slot" 0 "out:Running:     MicroPython_2"
run boot nvs --port "$PORT"
expect "nvs does not boot" 1 "err:no factory or OTA app partition"
power_off

# a keyed agent: QEMU loads the program, so the key goes where 'espota provision' puts it in an image
"$ESPOTA" key --new board.key >/dev/null
"$ESPOTA" key --new wrong.key >/dev/null
KERNEL=keyed.elf
python3 - "$BUILD/firmware/virt/recovery.elf" keyed.elf "$(cat board.key)" <<'PY'
import sys
program = bytearray(open(sys.argv[1], "rb").read())
key = bytes.fromhex(sys.argv[3])
at = program.index(b"espota settings1" + bytes(64))
program[at + 24] = len(key)
program[at + 32 : at + 32 + len(key)] = key
open(sys.argv[2], "wb").write(program)
PY
power_on
run status --port "$PORT"
expect "a keyed agent: without the key" 1 "err:give --key FILE"
run status --port "$PORT" --key wrong.key
expect "a keyed agent: with another key" 1 "err:not the device's key"
run ota --port "$PORT" --key board.key --file new.bin
expect "a keyed agent: an update" 0 "err:Image written and verified"
power_off

# the stub's loop, which no loader has to load here
cp flash.bin blank.bin
tr '\0' '\377' </dev/zero | dd of=ram.bin bs=1M seek=16 count=4 conv=notrunc iflag=fullblock status=none
KERNEL=$BUILD/firmware/virt/stub.elf
power_on
stub() { run "$1" --port "$PORT" --before no-reset --after no-reset "${@:2}"; }
stub flash -v --bootloader bootloader.bin --app new.bin
expect "the stub: a first write" 0 "err:a stub runs on $PORT already" "err:verified"
flash
cmp -s -i $((0x10000)):0 -n 204800 now.bin new.bin && ok "the stub: the image is in flash" || not_ok "the stub: the image is in flash"
stub flash --bootloader bootloader.bin --app new.bin
expect "the stub: the same again" 0 "err:there already" "err:0K written"
stub read 0x10000+0x32000 back.bin
expect "the stub: a range is read back" 0 "err:verified"
same "the stub: as it was written" back.bin new.bin
dd if=third.bin of=part.bin bs=4096 count=20 status=none
stub write 0x200000 part.bin
expect "the stub: a range is written" 0 "err:verified"
flash
cmp -s -i $((0x200000)):0 -n 81920 now.bin part.bin && ok "the stub: it is in flash" || not_ok "the stub: it is in flash"
stub erase 0x200000+0x14000
expect "the stub: a range is erased" 0 "err:rased"
flash
cmp -s -i $((0x200000)):0 -n 81920 now.bin <(tr '\0' '\377' </dev/zero) && ok "the stub: it is blank" || not_ok "the stub: it is blank"
power_off

for chip in esp32 esp32c3; do
    run provision "$BUILD/firmware/$chip/recovery.bin" --key board.key --min-secure-version 3 --output $chip.bin
    expect "$chip: a keyed agent" 0 "err:a keyed agent, secure version 3 and later"
    run image $chip.bin
    expect "$chip: is intact" 0 "out:correct"
done
[ "$(stat -c %a esp32.bin)" = 600 ] && ok "and only its owner can read it" || not_ok "and only its owner can read it"
