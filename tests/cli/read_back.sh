#!/usr/bin/env bash
# Bases that nobody here knows, read back from the device: when it is asked for, and for many devices where it takes less time; kept
# from then on. What is no such image is no base, and a link that breaks leaves the device as it was.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
export ESPOTA_CACHE=$WORK/cache

SIZE=206032
make_build --version 1.0 --project lamp --seed 1 --size $SIZE --content xtensa
cp build/firmware.bin 1.0.bin
for version in 1.1 1.2; do "$MKIMAGE" -o $version.bin --version $version --project lamp --seed 1 --size $SIZE --content xtensa; done
python3 "$ROOT/tests/cli/moved_image.py" 1.1.bin 64 moved.bin # no sector of it is where it was
digest() { sha256sum "$1" | cut -d ' ' -f 1; }
run flash --no-cache --port file:base.bin --flash 4M --chip esp32 build
expect "a board" 0
head -c $SIZE /dev/urandom >noise
run write -q --port file:base.bin MicroPython_2 noise --raw
expect "its other slot is filled" 0
cp base.bin board.bin
start_sim --flash-file board.bin
runs() { "$ESPOTA" status --port "$UART" --via agent --json | jq -r '.apps[] | select(.running) | .version'; }

fresh() { # ARGS...: the board as it was, and nothing known here
    stop_sim
    rm -rf cache
    cp base.bin board.bin
    start_sim --flash-file board.bin "$@"
}

# ---- one device
run ota --port "$UART" --via agent --file moved.bin -v
expect "for one it takes longer" 0 "err:the base is not read back: about 1 device would take" "err:without a base: the images on the device are not known here"
fresh
run ota --port "$UART" --via agent --file moved.bin --base device --restart
expect "--base device" 0 "err:Reading the base back from 'MicroPython_1'" "err:The base was read back in" "err:what differs from 1.0 in 'MicroPython_1'"
[ "$(runs)" = 1.1 ] && ok "it runs" || not_ok "it runs" "$ERR"
cmp -s "cache/$(digest 1.0.bin).bin" 1.0.bin && ok "and is in the cache" || not_ok "and is in the cache" "$(ls cache)"
run write -q --port "$REMOTE" MicroPython_1 noise --raw
run ota --port "$UART" --via agent --file 1.2.bin --base device --restart --json
expect "what is known is not read" 0
[ "$(jq -c '[.read_back, .base.version]' <<<"$OUT")" = '[0,"1.1"]' ] && ok "and that is said" || not_ok "and that is said" "$OUT" "$ERR"
fresh
run ota --port "$UART" --via agent --file moved.bin --base device --no-cache --json
expect "without a cache" 0
[ "$(jq '.read_back > 150000 and .read_back <= .base.size and .sent < .size / 20' <<<"$OUT")" = true ] && ok "as JSON" || not_ok "as JSON" "$OUT" "$ERR"
[ ! -e cache ] && ok "none is filled" || not_ok "none is filled" "$(ls cache)"
run ota --port "$UART" --via agent --file 1.2.bin --base device --no-patch
expect "--no-patch" 2 "err:contradict"
# most of it is in the image, too
fresh
run ota --port "$UART" --via agent --file 1.1.bin
expect "where most of it need not travel, it is read for one as well" 0 "err:with that, about 1 device should take" "err:what differs from 1.0 in 'MicroPython_1'"

# ---- a link that breaks while it is read
fresh --disconnect-after 1200
run ota --port "$UART" --via agent --file moved.bin --base device
expect "the cable is pulled" 3 "err:the base in 'MicroPython_1' was not read back" "err:'MicroPython_1' still boots"
stop_sim
cmp -s base.bin board.bin && ok "nothing has changed" || not_ok "nothing has changed" "$(cmp base.bin board.bin)"
[ -z "$(find cache -name '*bin*' 2>/dev/null)" ] && ok "nothing is in the cache" || not_ok "nothing is in the cache" "$(ls cache)"
start_sim --flash-file board.bin
run ota --port "$UART" --via agent --file moved.bin --base device --restart
expect "the same again" 0 "err:what differs from 1.0 in 'MicroPython_1'"
[ "$(runs)" = 1.1 ] && ok "it runs, too" || not_ok "it runs, too" "$ERR"

# ---- a line that loses bytes
fresh --drop 40 --seed 3
run ota --port "$UART" --via agent --file moved.bin --base device --restart
expect "a line that loses bytes" 0 "err:what differs from 1.0 in 'MicroPython_1'"
cmp -s "cache/$(digest 1.0.bin).bin" 1.0.bin && ok "what was read is right" || not_ok "what was read is right" "$(ls cache)"
stop_sim

# ---- many
DEVICES=8
start_all() {
    local i
    rm -rf cache
    addresses=()
    for i in $(seq $DEVICES); do
        cp base.bin "d$i.bin"
        start_sim --flash-file "d$i.bin"
        addresses+=(--port "$UART")
    done
}
start_all
again() { # the devices as they were
    local i
    for i in $(seq $DEVICES); do
        kill "${PIDS[-1]}" 2>/dev/null
        wait "${PIDS[-1]}" 2>/dev/null
        unset 'PIDS[-1]'
    done
    start_all
}
count_read() { jq -s '[.[].result.read_back // 0 | select(. > 0)] | length' <<<"$OUT"; }
count_whole() { jq -s '[.[].result | select(.no_base == "unknown")] | length' <<<"$OUT"; }
run ota "${addresses[@]}" --via agent --file moved.bin --restart --jobs 1 --json
expect "one after the other" 0
[ "$(count_read)" = 1 ] && ok "one is read" || not_ok "one is read" "$OUT"
[ "$(count_whole)" = 1 ] && ok "by the second: the first one alone tells nothing" || not_ok "by the second: the first one alone tells nothing" "$OUT"
again
run ota "${addresses[@]}" --via agent --file moved.bin --restart --json
expect "all at once" 0
[ "$(count_read)" = 0 ] && [ "$(count_whole)" = $DEVICES ] && ok "none is read: all would wait for it" || not_ok "none is read: all would wait for it" "$OUT"
again
run ota "${addresses[@]}" --via agent --file moved.bin --restart --base device
expect "all at once, with --base device" 0 "err:$DEVICES done"
[ "$(grep -c 'its base was read back first' <<<"$OUT")" = 1 ] && ok "one is read for all" || not_ok "one is read for all" "$OUT"
again
run ota "${addresses[@]}" --via agent --file moved.bin --restart --base device --json
[ "$(count_read) $(count_whole)" = "1 0" ] && ok "and all are sent what differs" || not_ok "and all are sent what differs" "$OUT"
