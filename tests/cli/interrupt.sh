#!/usr/bin/env bash
# Ctrl-C in every kind of wait: things are left in order, then espota ends by the signal; the second one ends it at once.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

make_build --version 1.0 --seed 1 --size 64K
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 200K
"$ESPOTA" flash -q --port file:flashed.bin --flash 4M build

# what `interrupted` waits for; each gets the process
reads_by_rom() { grep -q '^-> c0 00 0e' "$WORK/stderr"; } # READ_FLASH_SLOW
writes() { sector_in device.bin 0x110000 new.bin 5; }
is_lost() { grep -q 'trying again' "$WORK/stderr"; }
heard() { ! grep -q '^ShdPnd:.*[2367abef]$' "/proc/$1/status" 2>/dev/null; } # no SIGINT is pending

# interrupted WHEN NAME STATUS SIGNALS SECONDS ARGS...: the command, sent SIGNALS one after the other once WHEN is true of
# it, ends within SECONDS with STATUS.
interrupted() {
    local when=$1 name=$2 status=$3 signals=$4 seconds=$5 signal pid started
    shift 5
    "$ESPOTA" "$@" >"$WORK/stdout" 2>"$WORK/stderr" </dev/null &
    pid=$!
    wait_until 20 "$when" "$pid" || not_ok "$name" "it does not come to that" "$(cat "$WORK/stdout" "$WORK/stderr")"
    started=$SECONDS
    for signal in $signals; do
        kill -"$signal" "$pid"
        wait_until 5 heard "$pid"
    done
    wait "$pid"
    STATUS=$?
    if [ "$STATUS" -ne "$status" ]; then
        not_ok "$name" "exit status $STATUS instead of $status" "$(cat "$WORK/stdout" "$WORK/stderr")"
    elif [ $((SECONDS - started)) -gt "$seconds" ]; then
        not_ok "$name" "took $((SECONDS - started)) s"
    else
        ok "$name"
    fi
}

cp flashed.bin device.bin
start_sim --flash-file device.bin --download
interrupted waits "waiting for an agent to greet" 130 INT 2 status --port "$UART"
stop_sim
start_sim --flash-file device.bin
interrupted waits "waiting for a ROM to answer" 130 INT 2 info --port "$UART"
interrupted waits "listening to the console" 130 INT 2 monitor --port "$TTY"
interrupted waits "listening to the console for a word" 130 INT 2 monitor --port "$TTY" --until never
interrupted waits "a signal to terminate" 143 TERM 2 monitor --port "$TTY"
interrupted waits "a reset sequence cannot be stopped but by a second Ctrl-C" 130 "INT INT" 2 \
    reset --port "$REMOTE" --after 'D0|W20|R0'
stop_sim

# in the middle of work, on a line as slow as a real one
cp flashed.bin device.bin
start_sim --flash-file device.bin --real-time
interrupted writes "an update in the middle of writing" 130 INT 2 ota --port "$TTY" --file new.bin
run ota --port "$TTY" --file new.bin
expect "the same command finishes it" 0 "err:Image written and verified"
stop_sim

# asked to stop, espota does not wait long for a stub that is gone to restart the chip
start_sim --flash-file device.bin --download --stub-fault dies:200
interrupted is_lost "a stub that is gone" 130 INT 5 read -v --port "$UART" 0x10000+512K gone.bin
stop_sim

# a device that was only looked at goes on as before
cp flashed.bin device.bin
start_sim --flash-file device.bin --real-time
interrupted reads_by_rom "reading flash through the ROM" 130 INT 2 read -v -v --via rom --no-stub --port "$REMOTE" 0x0+4M out.bin
run status --port "$REMOTE"
expect "its app was started again" 0 "out:Running:"
run info --port "$REMOTE" --chip esp32c3
expect "another chip than it is" 2 "err:is an ESP32, not an ESP32-C3"
run status --port "$REMOTE"
expect "its app was started again then too" 0 "out:Running:"
stop_sim

# not just the number: by the signal, so that a shell's loop ends too
start_sim --flash-file device.bin
if python3 - "$ESPOTA" "$TTY" <<'END'; then ok "espota ends by the signal"; else not_ok "espota ends by the signal"; fi
import signal, subprocess, sys, time
espota = subprocess.Popen([sys.argv[1], "monitor", "--port", sys.argv[2]], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
def waits(): # it catches SIGINT, and sleeps
    status = open("/proc/%d/status" % espota.pid).read()
    caught = int(status.split("SigCgt:")[1].split()[0], 16)
    return caught & 2 and status.split("State:")[1].split()[0] == "S"
deadline = time.monotonic() + 20
while not waits() and time.monotonic() < deadline: time.sleep(0.02)
espota.send_signal(signal.SIGINT)
sys.exit(espota.wait(5) != -signal.SIGINT)
END
run monitor --port "$TTY" --json --timeout 1
expect "a monitor that was told when to end is not interrupted" 0 'out:"matched": false'
stop_sim
