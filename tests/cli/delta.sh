#!/usr/bin/env bash
# Patches in files: made of two images, shown, applied by the decoder that devices have, and refused.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

"$MKIMAGE" -o old.bin --version 1.0 --seed 1 --size 200K --content xtensa
"$MKIMAGE" -o new.bin --version 1.1 --seed 1 --size 200K --content xtensa
"$MKIMAGE" -o c3.bin --version 1.0 --seed 1 --size 100K --chip esp32c3 --content riscv
"$MKIMAGE" -o c3new.bin --version 1.1 --seed 1 --size 100K --chip esp32c3 --content riscv
digest() { sha256sum "$1" | cut -d ' ' -f 1; }

# ---- making, showing, applying
run delta old.bin new.bin -o p.patch
expect "a patch" 0 "err:p.patch: " "err:bytes on the way in place of $(stat -c %s new.bin)"
run delta --apply old.bin p.patch -o out.bin
expect "is applied" 0 "err:out.bin: $(stat -c %s new.bin) bytes"
same "and gives the new image" out.bin new.bin
run delta --show p.patch
expect "what it is" 0 "out:ESP32" "out:$(digest old.bin)" "out:$(digest new.bin)" "out:16K" "out:bytes of memory"
run delta --show --json p.patch
[ "$(jq -r '[.base.sha256, .image.sha256, .chip, .instruction_set, .table_size, .size] | join(" ")' <<<"$OUT")" = "$(digest old.bin) $(digest new.bin) esp32 xtensa 16384 $(stat -c %s p.patch)" ] && ok "as JSON" || not_ok "as JSON" "$OUT"
[ "$(jq '.memory > 16384 and .stream_size < .size' <<<"$OUT")" = true ] && ok "with what it takes" || not_ok "with what it takes" "$OUT"
run delta c3.bin c3new.bin -o c3.patch --table-size 32K --json
[ "$(jq -r '[.output, .chip, .instruction_set, .table_size] | join(" ")' <<<"$OUT")" = "c3.patch esp32c3 riscv 32768" ] && ok "for RISC-V" || not_ok "for RISC-V" "$OUT" "$ERR"
run delta --apply c3.bin c3.patch -o out.bin --json
[ "$(jq -r '.output + .image.sha256' <<<"$OUT")" = "out.bin$(digest c3new.bin)" ] && ok "applied, as JSON" || not_ok "applied, as JSON" "$OUT"
same "the same image" out.bin c3new.bin
"$ESPOTA" delta old.bin new.bin -o - >piped.patch 2>/dev/null
same "into a pipe" piped.patch p.patch
"$ESPOTA" delta --apply old.bin - -o - <p.patch 2>/dev/null | cmp - new.bin && ok "and out of one" || not_ok "and out of one"
"$BUILD/tools/mkelf" app.elf esp32 30000
"$BUILD/tools/mkelf" app2.elf esp32 31000
"$ESPOTA" image -q app.elf -o app.bin 2>/dev/null
"$ESPOTA" image -q app2.elf -o app2.bin 2>/dev/null
run delta app.elf app2.elf -o elf.patch
expect "of ELF files" 0 "err:app.elf is an ELF file"
run delta --apply app.bin elf.patch -o out.bin
expect "it is one of their images" 0
same "which come back" out.bin app2.bin

# ---- files that are not for it
"$ESPOTA" key -q --signing owner.pem >/dev/null
"$ESPOTA" sign -q --key owner.pem --output old-signed.bin old.bin
run delta --apply old-signed.bin p.patch -o out.bin
expect "a base with its signature" 0
run delta --apply new.bin p.patch -o out2.bin
expect "another base" 4 "err:new.bin is not what p.patch is a patch against" "err:$(digest old.bin | head -c 8)"
[ ! -e out2.bin ] && ok "writes nothing" || not_ok "writes nothing"
cp old.bin copy.bin
run delta old.bin copy.bin -o x.patch
expect "twice the same" 5 "err:old.bin and copy.bin are the same"
run delta old.bin c3.bin -o x.patch
expect "for two chips" 4 "err:old.bin is for ESP32, but c3.bin is for ESP32-C3"
echo text >text
run delta text new.bin -o x.patch
expect "no image" 4 "err:text"
"$MKIMAGE" -o loader.bin --kind bootloader --size 20K
run delta loader.bin new.bin -o x.patch
expect "a bootloader" 4 "err:loader.bin is no app"
run delta nowhere.bin new.bin -o x.patch
expect "no file" 1 "err:nowhere.bin"
run delta old.bin new.bin -o no/where.patch
expect "nowhere to write" 1 "err:no/where.patch"
"$MKIMAGE" -o agent.bin --kind agent --size 32K
"$ESPOTA" key -q --new board.key >/dev/null
"$ESPOTA" provision -q agent.bin --key board.key --output keyed.bin
run delta agent.bin keyed.bin -o x.patch
expect "a key is not handed out" 5 "err:keyed.bin has a device's key in it"
[ ! -e x.patch ] && ok "of all that nothing is written" || not_ok "of all that nothing is written"

# ---- patches that are not as they should be
head -c -20 p.patch >cut.patch
run delta --show cut.patch
expect "one that is cut off" 4 "err:it is cut off"
head -c 50 p.patch >cut.patch
run delta --show cut.patch
expect "in its head" 4 "err:it is cut off"
python3 - <<'PY'
data = bytearray(open("p.patch", "rb").read())
data[len(data) // 2] ^= 1
open("damaged.patch", "wb").write(data)
PY
run delta --apply old.bin damaged.patch -o out2.bin
expect "a damaged one" 4 "err:its CRC is wrong"
run delta --show new.bin
expect "an image" 4 "err:it is no patch file"
: >empty
run delta --show empty
expect "an empty file" 4 "err:it is no patch file"
# its CRCs are right, and its image is another one
python3 - <<'PY'
import zlib
data = bytearray(open("p.patch", "rb").read())
data[64] ^= 1
data[108:112] = zlib.crc32(data[:108]).to_bytes(4, "little")
open("lying.patch", "wb").write(data)
data = bytearray(open("p.patch", "rb").read())
end = 112 + int.from_bytes(data[96:100], "little")
data[end - 30:end - 10] = bytes(20)
data[104:108] = zlib.crc32(data[112:]).to_bytes(4, "little")
data[108:112] = zlib.crc32(data[:108]).to_bytes(4, "little")
open("wrong.patch", "wb").write(data)
data = bytearray(open("p.patch", "rb").read())
data[16] += 1
data[108:112] = zlib.crc32(data[:108]).to_bytes(4, "little")
open("later.patch", "wb").write(data)
PY
run delta --apply old.bin lying.patch -o out2.bin
expect "one that promises something else" 4 "err:another image comes of it"
run delta --apply old.bin wrong.patch -o out2.bin
expect "one that is wrong" 4 "err:wrong.patch"
run delta --show later.patch
expect "one of a later version" 4 "err:later version"
[ ! -e out2.bin ] && ok "no image comes of any" || not_ok "no image comes of any"

# ---- words
run delta old.bin -o x.patch
expect "one image" 2 "err:OLD NEW -o PATCH"
run delta old.bin new.bin
expect "no output" 2 "err:--output FILE"
run delta --show p.patch -o x
expect "--show and --output" 2 "err:--show writes no file"
run delta --show --apply old.bin p.patch
expect "--show and --apply" 2 "err:contradict"
run delta --apply old.bin p.patch -o x --table-size 16K
expect "--apply and --table-size" 2 "err:when a patch is made"
run delta old.bin new.bin -o x --table-size 12K
expect "a table that there is not" 2 "err:16K, 32K"
run delta old.bin new.bin -o x --chip esp33
expect "a chip that there is not" 2 "err:'esp33'"
run delta old.bin new.bin -o - --json
expect "JSON and the data" 2 "err:standard output"
"$ESPOTA" delta -q old.bin new.bin -o /dev/full 2>err.txt
[ $? -eq 1 ] && ok "a full disk" || not_ok "a full disk" "$(cat err.txt)"
