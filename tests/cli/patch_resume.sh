#!/usr/bin/env bash
# An update by a published patch that was cut off is finished by the same patch: it costs the line what the patch has, and what is
# in flash stays there.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
export ESPOTA_CACHE=

SIZE=806032
make_build --version 1.0 --project lamp --seed 1 --size $SIZE --content xtensa
cp build/firmware.bin 1.0.bin
"$MKIMAGE" -o 1.1.bin --version 1.1 --project lamp --seed 1 --size $SIZE --content xtensa
# many changes: a patch that takes its time
python3 - 1.0.bin <<'PY'
import hashlib, random, sys
data = bytearray(open(sys.argv[1], "rb").read())
random.seed(7)
for at in range(5000, len(data) - 5000, 800):
    data[at:at + 40] = random.randbytes(40)
body = len(data) - 33
size = int.from_bytes(data[28:32], "little")
check = 0xEF
at = 24
for _ in range(data[1]):
    length = int.from_bytes(data[at + 4:at + 8], "little")
    for byte in data[at + 8:at + 8 + length]:
        check ^= byte
    at += 8 + length
end = (at + 16) // 16 * 16
data[end - 1] = check
data[end:end + 32] = hashlib.sha256(data[:end]).digest()
open(sys.argv[1], "wb").write(data)
PY
cp 1.0.bin build/firmware.bin
patch=1.1.bin.$(sha256sum 1.0.bin | cut -d ' ' -f 1).patch
run delta 1.0.bin 1.1.bin -o "$patch"
expect "a patch" 0
PATCH_SIZE=$(stat -c %s "$patch")
[ "$PATCH_SIZE" -gt 10000 ] && ok "it has some length" || not_ok "it has some length" "$PATCH_SIZE"
run flash --port file:board.bin --flash 4M --chip esp32 build
expect "the first one, by cable" 0
# an older image is in the slot that the update goes to
head -c $SIZE /dev/urandom >noise
run write -q --port file:board.bin MicroPython_2 noise --raw
expect "the other slot is filled" 0


whole_sectors() { # how many sectors of the slot are those of the new image
    python3 - "$1" <<'PY'
import sys
new, board = open("1.1.bin", "rb").read(), open(sys.argv[1], "rb").read()
slot = int(open("slot").read(), 0)
print(sum(board[slot + i:slot + i + 4096] == new[i:i + 4096] for i in range(0, len(new) // 4096 * 4096, 4096)))
PY
}
"$ESPOTA" status --port file:board.bin --json | jq -r '.apps[] | select(.name == "MicroPython_2") | .offset' >slot

start_sim --flash-file board.bin --disconnect-after $((PATCH_SIZE * 6 / 10))
run ota --port "$UART" --via agent --file 1.1.bin
[ "$STATUS" -ne 0 ] && ok "the link breaks" || not_ok "the link breaks" "$ERR"
stop_sim
cut=$(whole_sectors board.bin)
[ "$cut" -gt 40 ] && ok "some of it is in flash" || not_ok "some of it is in flash" "$cut sectors"
start_sim --flash-file board.bin
run ota --port "$UART" --via agent --file 1.1.bin --json
expect "the same again" 0 "err:what differs from the image in 'MicroPython_1'"
sent=$(jq .sent <<<"$OUT")
[ "$sent" -le "$PATCH_SIZE" ] && [ "$sent" -gt $((PATCH_SIZE / 2)) ] && ok "costs what the patch has" || not_ok "costs what the patch has" "$sent of $PATCH_SIZE"
[ "$(jq .kept <<<"$OUT")" -ge $((cut * 4096)) ] && ok "and says what was there already" || not_ok "and says what was there already" "$OUT"
run ota --port "$UART" --via agent --file 1.1.bin --json
expect "once more" 0
[ "$(jq '[.written, .sent] | add' <<<"$OUT")" -eq 0 ] && ok "nothing is left to do" || not_ok "nothing is left to do" "$OUT"
