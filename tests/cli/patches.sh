#!/usr/bin/env bash
# Updates that are sent as what changed: against what is in the cache or is named; whole, and it says so, where nothing is known.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
export ESPOTA_CACHE=$WORK/cache

SIZE=206032 # as images are: no multiple of a sector
make_build --version 1.0 --project lamp --seed 1 --size $SIZE --content xtensa
cp build/firmware.bin 1.0.bin
for version in 1.1 1.2 1.3; do "$MKIMAGE" -o $version.bin --version $version --project lamp --seed 1 --size $SIZE --content xtensa; done
more=0
for version in 1.1 1.2 1.3; do # no sector of one is where it was in another: nobody reads a base back for that
    more=$((more + 64))
    python3 "$ROOT/tests/cli/moved_image.py" $version.bin $more moved.bin
    mv moved.bin $version.bin
done
"$MKIMAGE" -o other.bin --version 7 --project kettle --seed 99 --size $SIZE --content xtensa
digest() { sha256sum "$1" | cut -d ' ' -f 1; }
run flash --port file:board.bin --flash 4M --chip esp32 build
expect "the first one, by cable" 0
start_sim --flash-file board.bin
head -c $SIZE /dev/urandom >noise
# the slot that an update goes into has nothing of the image yet
fresh_slot() {
    local slot
    slot=$("$ESPOTA" status --port "$TTY" --via agent --json | jq -r '[.apps[] | select(.running | not)][0].name')
    "$ESPOTA" write -q --port "$REMOTE" "$slot" noise --raw >write.txt 2>&1 || not_ok "a slot is filled" "$(cat write.txt)"
}
# update NAME IMAGE ARGS...: it ends well, and the device runs the image then
update() {
    local name=$1 image=$2
    shift 2
    fresh_slot
    run ota --port "$TTY" --file "$image" --restart "$@"
    image=${image#server/}
    image=${image%%[?]*}
    expect "$name" 0 && [ "$("$ESPOTA" status --port "$TTY" --via agent --json | jq -r '.apps[] | select(.running) | .version')" = "${image%.bin}" ] && ok "$name: it runs" || not_ok "$name: it runs" "$ERR"
}
patched() { # NAME VERSION SLOT: the last update was sent as what changed against that
    local sent
    sent=$(sed -n 's/^Sent \([0-9]*\) bytes, .* of the image: what differs from '"$2"' in '"'$3'"'$/\1/p' <<<"$ERR")
    if [ -n "$sent" ] && [ "$sent" -lt $((SIZE / 20)) ]; then ok "$1"; else not_ok "$1" "$ERR"; fi
}
whole() { # NAME REASON
    local sent
    sent=$(sed -n "s/^Sent \([0-9]*\) bytes, without a base: $2"'$/\1/p' <<<"$ERR")
    if [ -n "$sent" ] && [ "$sent" -gt $((SIZE / 10)) ]; then ok "$1"; else not_ok "$1" "$ERR"; fi
}

# ---- from the cache
update "the second one" 1.1.bin
patched "is a patch" 1.0 MicroPython_1
fresh_slot
run ota --port "$TTY" --file 1.2.bin --restart --json
[ "$(jq -r '[.base.name, .base.version, .base.sha256, .base.size, .no_base] | join(" ")' <<<"$OUT")" = "MicroPython_2 1.1 $(digest 1.1.bin) $(stat -c %s 1.1.bin) " ] && ok "as JSON" || not_ok "as JSON" "$OUT"
[ "$(jq '.sent > 0 and .sent < .size / 20' <<<"$OUT")" = true ] && ok "with the bytes that were sent" || not_ok "with the bytes that were sent" "$OUT"
fresh_slot
run ota --port "$TTY" --file 1.1.bin --no-patch --restart
expect "--no-patch" 0 && [[ "$ERR" != *"what differs"* ]] && ok "sends it whole" || not_ok "sends it whole" "$ERR"

# ---- without it
"$ESPOTA" cache clear -q
update "an empty cache" 1.3.bin
whole "is an update as ever" "the images on the device are not known here"
fresh_slot
run ota --port "$TTY" --file 1.2.bin --no-cache --json
[ "$(jq -c '[.base, .no_base]' <<<"$OUT")" = '[null,"unknown"]' ] && ok "as JSON, too" || not_ok "as JSON, too" "$OUT"
[ "$(ls cache)" = "$(printf '%s\n' CACHEDIR.TAG "$(digest 1.3.bin).bin" | LC_ALL=C sort)" ] && ok "--no-cache leaves it alone" || not_ok "--no-cache leaves it alone" "$(ls cache)"
update "--base in its place" 1.0.bin --no-cache --base 1.3.bin --base other.bin
patched "is a patch" 1.3 MicroPython_1
update "a base that the device does not hold" 1.1.bin --no-cache --base other.bin
whole "is no use" "the images on the device are not known here"
printf 'a signature' | cat 1.1.bin - >longer.bin
update "a base with more behind it" 1.2.bin --no-cache --base longer.bin
patched "is one, too" 1.1 MicroPython_1

# ---- a cache that is not as it should be
"$ESPOTA" cache add -q 1.2.bin
printf 'x' | dd of="cache/$(digest 1.2.bin).bin" bs=1 seek=5000 conv=notrunc status=none
update "a damaged one" 1.3.bin
whole "is not used" "the images on the device are not known here"
[ -e "cache/$(digest 1.2.bin).bin" ] && not_ok "and is gone" || ok "and is gone"
[ -e "cache/$(digest 1.3.bin).bin" ] && ok "what was sent is kept" || not_ok "what was sent is kept"
"$ESPOTA" cache add -q 1.3.bin
cp other.bin "cache/$(digest 1.3.bin).bin"
update "another one by its name" 1.0.bin
whole "is not used" "the images on the device are not known here"
chmod 777 cache
update "a folder that others can change" 1.1.bin
whole "is not used" "the images on the device are not known here"
chmod 700 cache

# ---- patches that lie beside the image
export ESPOTA_CACHE=
mkdir server
(cd server && exec python3 -u -m http.server --bind 127.0.0.1 0) >server.log 2>&1 &
PIDS+=($!)
wait_for server.log "port [0-9]* ("
HTTP=http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' server.log | head -1)
cp 1.1.bin 1.2.bin 1.3.bin server
beside() { echo "server/$2.$(digest "$1").patch"; } # OLD NEW: the name of its patch
update "nothing is known" 1.0.bin
fetch() { # NAME IMAGE ARGS...: the same from the server
    local name=$1 image=$2
    shift 2
    fresh_slot
    run ota --port "$TTY" --url "$HTTP/$image" --restart "$@"
    image=${image#server/}
    image=${image%%[?]*}
    expect "$name" 0 && [ "$("$ESPOTA" status --port "$TTY" --via agent --json | jq -r '.apps[] | select(.running) | .version')" = "${image%.bin}" ] && ok "$name: it runs" || not_ok "$name: it runs" "$ERR"
}
"$ESPOTA" delta -q 1.0.bin 1.1.bin -o "$(beside 1.0.bin 1.1.bin)"
fetch "a patch on the server" 1.1.bin
patched "is sent" "the image" MicroPython_2
grep -q "GET /$(basename "$(beside 1.0.bin 1.1.bin)") .* 200" server.log && ok "it was got" || not_ok "it was got" "$(cat server.log)"
fetch "none on the server" 1.2.bin
whole "is no error" "the images on the device are not known here"
[[ "$ERR" != *404* ]] && ok "and not told of" || not_ok "and not told of" "$ERR"
"$ESPOTA" delta -q 1.2.bin 1.3.bin -o "$(beside 1.2.bin 1.3.bin)"
cp "$(beside 1.2.bin 1.3.bin)" good.patch
fetch "with a query" "1.3.bin?token=secret"
patched "it is found, too" "the image" MicroPython_2
[[ "$ERR" != *secret* ]] && ok "and the query is not shown" || not_ok "and the query is not shown" "$ERR"
run ota --port "$TTY" --file server/1.2.bin --restart
expect "back" 0
cp good.patch "$(beside 1.2.bin 1.3.bin)"
update "beside a file" server/1.3.bin
patched "it is found as well" "the image" MicroPython_2
# what is wrong with one leads to the whole image, and is said
back() { # the device runs 1.2 again, and 1.3 is to come
    fresh_slot
    run ota --port "$TTY" --file 1.2.bin --restart
    expect "back" 0
}
wrong() { # NAME TEXT: the patch beside is not used
    back
    fetch "$1" 1.3.bin
    whole "$1: it is sent whole" "the images on the device are not known here"
    [[ "$ERR" == *"A patch is not used: "*"$2"* ]] && ok "$1: it says why" || not_ok "$1: it says why" "$ERR"
}
"$ESPOTA" delta -q 1.2.bin 1.1.bin -o "$(beside 1.2.bin 1.3.bin)" --table-size 8K
wrong "one for another image" "for another image than the one beside it"
"$ESPOTA" delta -q 1.1.bin 1.3.bin -o "$(beside 1.2.bin 1.3.bin)"
wrong "one against another image" "against another image than its name says"
head -c 150 good.patch >"$(beside 1.2.bin 1.3.bin)"
wrong "one that is cut off" "it is cut off"
echo '<html>not found</html>' >"$(beside 1.2.bin 1.3.bin)"
wrong "a page in its place" "it is no patch file"
# well formed, and wrong: the device finds out
python3 - good.patch "$(beside 1.2.bin 1.3.bin)" <<'PY'
import sys, zlib
data = bytearray(open(sys.argv[1], "rb").read())
end = 112 + int.from_bytes(data[96:100], "little")
for i in range(end - 40, end):
    data[i] ^= 0x5a
data[104:108] = zlib.crc32(data[112:]).to_bytes(4, "little")
data[108:112] = zlib.crc32(data[:108]).to_bytes(4, "little")
open(sys.argv[2], "wb").write(data)
PY
if "$ESPOTA" delta --show "$(beside 1.2.bin 1.3.bin)" >shown.txt 2>&1; then
    back
    fetch "one that is wrong inside" 1.3.bin
    [[ "$ERR" != *"of the image: what differs"* ]] && ok "the device finds out, and gets it whole" || not_ok "the device finds out, and gets it whole" "$ERR"
    grep -q "without a base\|once more" <<<"$ERR" && ok "and that is said" || not_ok "and that is said" "$ERR"
else
    not_ok "one that is wrong inside is well formed" "$(cat shown.txt)"
fi
"$ESPOTA" delta -q 1.2.bin 1.3.bin -o "$(beside 1.2.bin 1.3.bin)" --table-size 256K
back
fetch "one that needs more memory than the device has" 1.3.bin
whole "is not sent" "the device has too little memory for one"
export ESPOTA_CACHE=$WORK/cache

# ---- what is not the next one of the same
run ota --port "$TTY" --file 1.1.bin --restart
expect "the one that is known" 0
"$ESPOTA" cache add -q 1.1.bin
fresh_slot
run ota --port "$TTY" --file other.bin --restart
expect "another program" 0 "err:Sent "

# ---- words
run ota --port "$TTY" --file 1.1.bin --base 1.0.bin --no-patch
expect "--base and --no-patch" 2 "err:contradict"
run ota --port "$TTY" --file 1.1.bin --base nowhere.bin
expect "a base that is not there" 1 "err:nowhere.bin"
echo text >text
run ota --port "$TTY" --file 1.1.bin --base text
expect "a base that is no image" 4 "err:text"
