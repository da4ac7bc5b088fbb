#!/usr/bin/env bash
# Merged images: byte for byte esptool's, in each form; and what image tells of one is what esptool tells.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
venv=$("$ROOT/tests/venv.sh" 2>venv.log) || { skip "merged images" "esptool cannot be installed: $(tail -1 venv.log)"; exit 0; }
make_build --size 150K
"$ESPOTA" plan --flash 4M --binary table.bin -q >/dev/null
head -c 5001 /dev/urandom >odd.bin
head -c 8 /dev/urandom >adjoins.bin # right behind odd.bin, but for the alignment
parts=(0x1000 build/bootloader.bin 0x8000 table.bin 0x10000 build/firmware.bin 0x150000 odd.bin)

# alike NAME FORMAT ARGS...: esptool and espota merge the same, with these arguments.
alike() {
    local name=$1 format=$2
    shift 2
    rm -f theirs ours
    "$venv/bin/esptool" --chip esp32 merge-bin --format "$format" -o theirs "$@" >theirs.log 2>&1 || { not_ok "$name: esptool" "$(cat theirs.log)"; return; }
    run image --chip esp32 --merge --format "$format" -o ours "$@"
    if [ "$STATUS" -eq 0 ]; then same "$name" ours theirs; else not_ok "$name" "$ERR"; fi
}
for format in raw hex uf2; do
    alike "$format" $format "${parts[@]}"
    alike "$format, in another order" $format 0x150000 odd.bin 0x10000 build/firmware.bin 0x8000 table.bin 0x1000 build/bootloader.bin
    alike "$format, with other flash settings" $format --flash-mode dout --flash-freq 80m --flash-size 8MB "${parts[@]}"
    alike "$format, from low addresses" $format 0x20 adjoins.bin 0x2000 odd.bin
    alike "$format, of a file that begins and ends within 64K" $format 0x1fff0 odd.bin
done
alike "raw, from the bootloader on" raw --target-offset 0x1000 "${parts[@]}"
alike "raw, as large as the flash" raw --pad-to-size 4MB "${parts[@]}"
alike "raw, both" raw --target-offset 0x1000 --pad-to-size 2MB "${parts[@]}"
alike "uf2 without MD5" uf2 --md5-disable "${parts[@]}"
alike "uf2 in small blocks" uf2 --chunk-size 256 "${parts[@]}"
alike "uf2 in small blocks without MD5" uf2 --chunk-size 476 --md5-disable "${parts[@]}"
"$venv/bin/esptool" --chip esp32 merge-bin --format hex -o parts.hex "${parts[@]}" >theirs.log 2>&1
alike "Intel HEX goes where it says" raw 0x0 parts.hex
for chip in esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32h2 esp32p4; do
    "$venv/bin/esptool" --chip $chip merge-bin --format uf2 -o theirs 0x10000 odd.bin >theirs.log 2>&1
    run image --chip $chip --merge --format uf2 -o ours 0x10000 odd.bin
    same "$chip: its UF2 family" ours theirs
done

# What both say of an image.
"$MKIMAGE" -o c3.bin --chip esp32c3 --size 40K
for image in build/bootloader.bin build/firmware.bin c3.bin; do
    "$venv/bin/esptool" image-info "$image" >theirs.log 2>&1
    run image "$image"
    entry=$(sed -n 's/^Entry point: 0x//p' theirs.log)
    [[ $OUT == *"Entry:       0x"*"$entry"* || $entry = "" ]] && ok "$image: the entry" || not_ok "$image: the entry" "$entry" "$OUT"
    while read -r number length address offset types; do
        line=$(printf 'Segment %-2u   0x%08x  %8u bytes at 0x%-6x  %s' "$number" "$address" "$length" $((offset + 8)) "$types")
        [ "$types" = PADDING ] && line=${line/PADDING/padding}
        [[ $OUT == *"$line"* ]] && ok "$image: segment $number, with its memory" || not_ok "$image: segment $number" "$line" "$OUT"
    done < <(sed -n 's/^ *\([0-9]\+\)  \(0x.*\)/\1 \2/p' theirs.log)
done
