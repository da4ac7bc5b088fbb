#!/usr/bin/env bash
# Noisy lines, stalls, and cables pulled at every stage: a run ends well with the right flash content, or with the right
# status and a device that the next run repairs.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

make_build --version 1.0 --seed 1 --size 64K
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 64K
head -c 16384 /dev/urandom >nvs.bin

# what flash holds after each command when nothing goes wrong
"$ESPOTA" flash -q --port file:flashed.bin --flash 4M build
cp flashed.bin updated.bin
"$ESPOTA" ota -q --port file:updated.bin --file new.bin
"$MKIMAGE" -o alike.bin --version 2.0 --seed 1 --size 66K
cp flashed.bin changed.bin
"$ESPOTA" ota -q --port file:changed.bin --file alike.bin
cp flashed.bin written.bin
"$ESPOTA" write -q --port file:written.bin nvs nvs.bin
cp written.bin migrated.bin
"$ESPOTA" flash -q --port file:migrated.bin --migrate --appsize 1280K build
cp written.bin erased.bin
"$ESPOTA" erase -q --port file:erased.bin nvs

# whole EXPECTED: what the simulated flash holds.
whole() { cmp -s device.bin "$1"; }

# repaired NAME BEFORE EXPECTED STATUSES FAULTS ARGS...: on a device that holds BEFORE, with FAULTS (words), the command
# ends with one of STATUSES; if not with 0, a second run on a good line does, and flash holds EXPECTED. LINE names the
# variable with the port.
repaired() {
    local name=$1 before=$2 expected=$3 statuses=$4 faults=$5
    shift 5
    rm -f device.bin
    [ "$before" = blank ] || cp "$before" device.bin
    # shellcheck disable=SC2086
    start_sim --flash-file device.bin --flash 4M $MODE $faults
    run "$@" --port "${!LINE}"
    stop_sim
    if [[ " $statuses " != *" $STATUS "* ]]; then
        not_ok "$name" "exit status $STATUS, not one of $statuses" "$OUT" "$ERR"
        return
    fi
    if [ "$STATUS" -ne 0 ]; then
        failures=$((failures + 1))
        if [ "$(grep '^espota: ' <<<"$ERR" | grep -cv '^espota: warning: ')" -ne 1 ]; then
            not_ok "$name" "not one error line" "$ERR"
            return
        fi
        # shellcheck disable=SC2086
        start_sim --flash-file device.bin $MODE
        run "$@" --port "${!LINE}"
        stop_sim
        if [ "$STATUS" -ne 0 ]; then
            not_ok "$name: the next run repairs it" "$OUT" "$ERR"
            return
        fi
    elif [[ $statuses != *0* ]]; then
        not_ok "$name" "did not fail"
        return
    fi
    if [ -z "$expected" ] || whole "$expected"; then
        runs=$((runs + 1))
    else
        not_ok "$name: flash content" "$(cmp device.bin "$expected" | head -n 3)" "$ERR"
    fi
}
counted() { # NAME MINIMUM: so many runs went well; some failed first where that was the point
    if [ "$runs" -eq "$2" ]; then ok "$1: $runs runs, $failures of them in two steps"; else not_ok "$1" "$runs of $2 runs"; fi
    runs=0 failures=0
}
runs=0 failures=0 LINE=UART

# ---- noise at set rates, through the ROM and through the agent
MODE="--download"
for seed in 1 2 3; do
    for faults in "--drop 20" "--flip 20" "--duplicate 20" "--stall 30" "--drop 5 --flip 5 --duplicate 5 --stall 5"; do
        repaired "flash with $faults ($seed)" blank flashed.bin "0 1 3 4" "$faults --seed $seed" flash build
    done
done
for rate in 300 4000; do
    repaired "flash with --flip $rate" blank flashed.bin "0 1 3 4" "--flip $rate" flash build
done
counted "flash through a noisy line" 17
for seed in 1 2; do
    for faults in "--drop 20" "--flip 20" "--duplicate 20" "--stall 30"; do
        repaired "write with $faults ($seed)" flashed.bin written.bin "0 1 3 4" "$faults --seed $seed" write nvs nvs.bin
        repaired "read with $faults ($seed)" written.bin written.bin "0 1 3 4" "$faults --seed $seed" read nvs got.bin
        cmp -s got.bin nvs.bin || not_ok "read with $faults ($seed): what was read"
        rm -f got.bin
        repaired "ota --via rom with $faults ($seed)" flashed.bin updated.bin "0 1 3 4" "$faults --seed $seed" ota --via rom --file new.bin
    done
done
counted "write, read and ota through a noisy line" 24
MODE=
for seed in 1 2 3; do
    for faults in "--drop 20" "--flip 20" "--duplicate 20" "--stall 30"; do
        repaired "ota with $faults ($seed)" flashed.bin updated.bin "0 1 3 4" "$faults --seed $seed" ota --file new.bin
    done
done
for rate in 300 4000; do
    repaired "ota with --flip $rate" flashed.bin updated.bin "0 1 3 4" "--flip $rate" ota --file new.bin
done
counted "ota through the agent on a noisy line" 14
for seed in 1 2 3; do
    for faults in "--drop 20" "--flip 20" "--duplicate 20" "--stall 30"; do
        repaired "ota against a base with $faults ($seed)" flashed.bin changed.bin "0 1 3 4" "$faults --seed $seed" \
            ota --file alike.bin --base build/firmware.bin
    done
done
counted "ota against a base on a noisy line" 12

# ---- the cable is pulled after N bytes, from the first to the last
MODE="--download"
pull() { # BEFORE EXPECTED LAST COUNT ARGS...
    local before=$1 expected=$2 last=$3 count=$4 n i
    shift 4
    for ((i = 0; i < count; i++)); do
        n=$((1 + last * i / (count - 1)))
        repaired "$1, the cable pulled after $n bytes" "$before" "$expected" "3" "--disconnect-after $n" "$@"
    done
    counted "$1: the cable pulled at $count places" "$count"
}
pull blank flashed.bin 74000 50 flash build
LINE=REMOTE
pull blank flashed.bin 74000 12 flash build --chip esp32
LINE=UART
pull written.bin migrated.bin 1700 24 flash build --migrate --appsize 1280K
pull flashed.bin written.bin 16500 20 write nvs nvs.bin
pull written.bin erased.bin 600 16 erase nvs
pull flashed.bin updated.bin 57000 32 ota --via rom --file new.bin
pull flashed.bin "" 8000 16 backup --force board.bin
same "the backup that went on is right" board.bin flashed.bin
"$ESPOTA" backup -q --force --port file:written.bin board.bin
pull flashed.bin written.bin 10000 16 restore board.bin --force
MODE=
pull flashed.bin updated.bin 52000 40 ota --file new.bin
pull flashed.bin changed.bin 2000 16 ota --file alike.bin --base build/firmware.bin
