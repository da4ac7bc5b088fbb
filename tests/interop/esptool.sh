#!/usr/bin/env bash
# esptool, unmodified, without its stub, against the simulated ESP32; and each side reads what the other wrote.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
venv=$("$ROOT/tests/venv.sh" 2>venv.log) || { skip "esptool" "it cannot be installed: $(tail -1 venv.log)"; exit 0; }

esptool() { # socket or pty, then the command
    local port=$1
    shift
    "$venv/bin/esptool" --chip esp32 --port "$port" --before no-reset --after no-reset --no-stub "$@" >esptool.log 2>&1
}
passes() { # NAME TEXT PORT ARGS...
    local name=$1 text=$2
    shift 2
    if esptool "$@" && grep -q -- "$text" esptool.log; then ok "$name"; else not_ok "$name" "$(cat esptool.log)"; fi
}

"$MKIMAGE" -o app.bin --size 150K --seed 9
"$MKIMAGE" -o bootloader.bin --kind bootloader --size 20K
head -c 70000 /dev/urandom >random.bin
start_sim --flash-file flash.bin --flash 4M --download
socket=socket://${UART#tcp://}

passes "esptool identifies the chip" "Connected to ESP32 on" "$socket" chip-id
passes "esptool reads the flash id" "Detected flash size: 4MB" "$socket" flash-id
passes "esptool on the pseudo-terminal" "Detected flash size: 4MB" "$TTY" flash-id
passes "esptool reads the MAC" "24:0a:c4:00:01:10" "$socket" read-mac
passes "esptool changes the baud rate" "Changed" "$socket" --baud 460800 chip-id
passes "esptool writes compressed and verifies" "Hash of data verified" "$socket" write-flash -z 0x10000 app.bin
cmp -s -i 65536:0 -n 153600 flash.bin app.bin && ok "what esptool wrote is in flash" || not_ok "what esptool wrote is in flash"
passes "esptool writes uncompressed and verifies" "Hash of data verified" "$socket" write-flash -u 0x100000 random.bin
passes "esptool verifies" "successful" "$socket" verify-flash 0x100000 random.bin
passes "esptool erases by writing" "Hash of data verified" "$socket" write-flash -u 0x200000 random.bin
head -c 8192 /dev/zero | tr '\0' '\377' >blank.bin
passes "esptool overwrites with FF" "Hash of data verified" "$socket" write-flash -u 0x200000 blank.bin
passes "esptool reads back" "Read 4096 bytes" "$socket" read-flash 0x100000 4096 back.bin
cmp -s -n 4096 back.bin random.bin && ok "what esptool reads is what it wrote" || not_ok "what esptool reads is what it wrote"

# the other way round: espota writes, esptool verifies
run flash --port "$UART" --after no-reset --erase --bootloader bootloader.bin --app app.bin --flash-size keep
expect "espota flashes the same chip" 0 "err:verified"
kill -USR2 "$SIM_PID" # its stub still runs there
run plan --flash 4M --binary table.bin -q
passes "esptool verifies what espota wrote" "successful" "$socket" verify-flash 0x1000 bootloader.bin 0x8000 table.bin 0x10000 app.bin
stop_sim

# a merged image
run flash --port file:ours.bin --flash 4M --bootloader bootloader.bin --app app.bin --flash-size keep
"$ESPOTA" read --port file:ours.bin otadata otadata.bin -q
"$venv/bin/esptool" --chip esp32 merge-bin -o theirs.bin --pad-to-size 4MB 0x1000 bootloader.bin 0x8000 table.bin \
    0xd000 otadata.bin 0x10000 app.bin >esptool.log 2>&1
same "a merged image is what esptool merges" ours.bin theirs.bin
"$venv/bin/esptool" --chip esp32 merge-bin -o parts.bin --target-offset 0x1000 0x1000 bootloader.bin 0x8000 table.bin \
    0xd000 otadata.bin 0x10000 app.bin >esptool.log 2>&1
for image in theirs.bin parts.bin; do
    run flash --port "file:again-$image" --flash 4M "$image" --flash-size keep
    expect "espota takes $image apart" 0 "err:MicroPython_1:" "err:'MicroPython_1' boots next"
    same "and puts together the same" "again-$image" theirs.bin
done

# signatures, both ways
"$ESPOTA" key --signing owner.pem >/dev/null
"$ESPOTA" sign app.bin --key owner.pem --output ours-signed.bin -q
check "espsecure finds our signature right" "$venv/bin/espsecure" verify-signature --version 2 --keyfile owner.pem.pub ours-signed.bin
"$venv/bin/espsecure" sign-data --version 2 --keyfile owner.pem --output theirs-signed.bin app.bin >esptool.log 2>&1
run image theirs-signed.bin --pubkey owner.pem.pub
expect "we find espsecure's right" 0 "out:Length:"
"$venv/bin/espsecure" generate-signing-key --version 2 --scheme ecdsa256 theirs.pem >esptool.log 2>&1
run sign app.bin --key theirs.pem --output x.bin
expect "we sign with a key that espsecure made" 0 "err:signed"

"$venv/bin/esptool" image-info app.bin >info.log 2>&1 && grep -q '(valid)' info.log && ! grep -q invalid info.log &&
    ok "esptool finds our images valid" || not_ok "esptool finds our images valid" "$(cat info.log)"
# an image that esptool made
head -c 2000 /dev/urandom >segment.bin
"$venv/bin/python" - >elf.log 2>&1 <<'PY'
from esptool.bin_image import ELFSection, ESP32FirmwareImage
image = ESP32FirmwareImage()
image.entrypoint = 0x40080000
image.segments = [ELFSection(b".data", 0x3FFB0000, open("segment.bin", "rb").read(), 0)]
image.save("theirs.bin")
PY
run image theirs.bin
expect "an image that esptool made" 0 "out:Chip:        ESP32" "out:correct"
