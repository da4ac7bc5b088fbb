#!/usr/bin/env bash
# A device on which nothing was written is left as it was found: its app runs again after whatever went wrong, and where no
# line resets the chip, it stays in download mode from one command to the next.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

make_build --version 1.0 --seed 1 --size 64K
"$ESPOTA" flash -q --port file:flashed.bin --flash 4M build
head -c 8192 /dev/urandom >two.bin
head -c 3M /dev/urandom >big.bin
"$MKIMAGE" -o large.bin --version 2.0 --size 1200K
cp flashed.bin device.bin

boots() { grep -c 'agent: espota agent' "$SIM_LOG"; }
has_booted() { [ "$(boots)" -gt "$BOOTS" ] && tail -1 "$SIM_LOG" | grep -q 'agent: espota agent'; }
# runs_again NAME: since BOOTS was counted, the app has started again, and it is what the chip did last
runs_again() {
    if wait_until 5 has_booted; then
        ok "$1: its app runs again"
    else
        not_ok "$1: its app runs again" "$(tail -3 "$SIM_LOG")"
    fi
}

# ---- where the lines reset it
start_sim --flash-file device.bin
wait_for "$SIM_LOG" 'agent: espota agent'
# left NAME STATUS TEXT ARGS...: the command ends so, and the device is as it was
left() {
    local name=$1 status=$2 text=$3
    shift 3
    BOOTS=$(boots)
    run "$@" --port "$REMOTE"
    expect "$name" "$status" "err:$text"
    runs_again "$name"
}
left "a layout for which there is no room" 2 "needs 8M" flash --force3p
left "a layout for a larger flash" 1 "4M that the device has" flash --flash 16M --force2p
left "a layout that would lose data" 5 "" flash --appsize 512K --force2p
left "a partition that is not there" 1 "nowhere" read nowhere out.bin
left "a file that cannot be made" 1 "no-folder" read 0x0+4K no-folder/out.bin
left "a file that is too big" 1 "" write MicroPython_1 big.bin
left "a range beyond the flash" 2 "not within" read 0x3ff000+8K out.bin
left "what differs" 4 "differ" verify 0x200000 two.bin
left "another chip" 2 "not an ESP32-C3" write --chip esp32c3 0x200000 two.bin
left "a table where none is" 4 "no partition table" table --table-offset 0x20000
left "an update by cable that is too large" 1 "" ota --via rom --file large.bin
left "a restore of what is no backup" 1 "" restore two.bin
check "and nothing was written" cmp device.bin flashed.bin
run read --port "$REMOTE" --after no-reset nowhere out.bin
expect "--after no-reset holds for what went wrong too" 1 "err:nowhere"
waiting() { tail -1 "$SIM_LOG" | grep -q 'waiting for download'; } # the simulator's line may come after the command's end
stays() { waiting && sleep 0.5 && waiting; }
wait_until 5 stays && # a reset that came too late for the strap, and was done again, is none of the command's end
    ok "and it waits in download mode" || not_ok "and it waits in download mode" "$(tail -1 "$SIM_LOG")"
stop_sim

# ---- in download mode, but it does not hear us
start_sim --flash-file device.bin --drop 1000000
wait_for "$SIM_LOG" 'agent: espota agent'
BOOTS=$(boots)
"$ESPOTA" info --port "$REMOTE" >stdout 2>stderr &
pid=$!
wait_for "$SIM_LOG" 'waiting for download'
kill -INT $pid
wait $pid
[ $? -eq 130 ] && ok "Ctrl-C before anything answers" || not_ok "Ctrl-C before anything answers" "$(cat stderr)"
runs_again "Ctrl-C before anything answers"
BOOTS=$(boots)
run info --port "$REMOTE"
expect "nothing answers" 3 "err:cannot connect"
runs_again "nothing answers"
stop_sim

# ---- where none does
start_sim --flash-file device.bin --download
wait_for "$SIM_LOG" 'waiting for download'
run info --port "$UART"
expect "info" 0 "out:Flash:" "err:stays in download mode"
run read --port "$UART" 0x0+4K out.bin
expect "then read" 0 "err:stays in download mode"
run info --port "$UART" --json
expect "then info of the stub that read left" 0 'out:"kind": "stub"'
run write --port "$UART" 0x200000 two.bin
expect "then write" 0 "err:stays in download mode"
run verify --port "$UART" 0x200000 two.bin
expect "then verify" 0 "err:a stub runs"
run verify --port "$UART" --no-stub 0x200000 two.bin
expect "then verify without loading one" 0 "err:a stub runs"
run read --port "$UART" nowhere out.bin
expect "then a mistake" 1 "err:nowhere"
run erase -q --port "$UART" 0x200000+8K
expect "then erase" 0
[ -z "$ERR" ] && ok "with -q nothing is said" || not_ok "with -q nothing is said" "$ERR"
BOOTS=$(boots)
run flash --port "$UART" build
expect "then flash" 0 "err:boots next"
runs_again "after flash"
run read --port "$UART" 0x0+4K out.bin
expect "which ends download mode" 3 "err:hold BOOT"
kill -USR2 "$SIM_PID"
run read --port "$UART" --after soft-reset 0x0+4K out.bin
expect "a reset that was asked for" 0
runs_again "after it"
kill -USR2 "$SIM_PID"
run read --port "$UART" 0x0+4K out.bin
expect "a read" 0
BOOTS=$(boots)
run reset --port "$UART" --via rom
expect "and what starts the app then" 0 "err:from flash"
runs_again "after reset"
stop_sim
