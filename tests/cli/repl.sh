#!/usr/bin/env bash
# A board with MicroPython and no agent, through its raw REPL: what it runs, updates, and boards that lack something.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
make_build --size 60K
"$MKIMAGE" -o new.bin --size 90K --version 2.0 --seed 2
"$MKIMAGE" -o other.bin --size 90K --version 2.0 --chip esp32c3
"$ESPOTA" flash -q -p file:base.bin --flash 4M -c esp32 --force2p build
board() { # FLASH ARGS...: its port is in $BOARD
    rm -f board.out counts
    python3 "$ROOT/tests/cli/repl_board.py" "$@" >board.out 2>board.err </dev/null &
    PYTHON=$!
    PIDS+=($!)
    up() { [ -s board.out ]; }
    wait_until 20 up || not_ok "the board starts" "$(cat board.err)"
    BOARD=$(cat board.out)
}
off() { kill "$PYTHON" && { wait "$PYTHON" 2>/dev/null || true; }; }

cp base.bin a.bin
board a.bin --counts counts
run status --port "$BOARD" --via repl
expect "what a board runs" 0 "out:Device:      ESP32, 4M of flash, MAC 24:0a:c4:00:01:10" "out:MicroPython 3." "out:demo 1.0 [running]"
run ota --port "$BOARD" --via repl --file other.bin
expect "another chip's image" 4 "err:other.bin"
run ota --port "$BOARD" --via repl --file new.bin --restart
expect "an update" 0 "err:Restarted"
run status --port "$BOARD" --via repl
expect "is what runs then" 0 "out:demo 2.0 [running]"
check "flash holds it" cmp -n 92160 -i $((0x110000)):0 a.bin new.bin
grep -q "erased=2[0-9] " counts && ok "no more is erased than the image" || not_ok "no more is erased than the image" "$(cat counts)"
run rollback --port "$BOARD" --via repl
run boot --port "$BOARD" --via repl MicroPython_1
expect "another app is chosen" 0
run status --port "$BOARD" --via repl --json
expect "and as JSON" 0 'out:"kind": "repl"' 'out:"running": "MicroPython_1"'
off

# ---- an update that breaks in the middle begins where it was
cp base.bin b.bin
board b.bin --tcp --slow --counts counts
"$ESPOTA" ota --port "$BOARD" --via repl --file new.bin >cut.out 2>&1 &
pid=$!
half() { [ "$(sed -n 's/.*written=\([0-9]*\) .*/\1/p' counts 2>/dev/null || echo 0)" -gt 30000 ] 2>/dev/null; }
wait_until 30 half || not_ok "it writes" "$(cat counts)"
kill -9 $pid
wait $pid 2>/dev/null
off
board b.bin --tcp --counts counts
run ota --port "$BOARD" --via repl --file new.bin --restart
expect "after a cut" 0 "err:Restarted"
[ "$(sed -n 's/.*written=\([0-9]*\) .*/\1/p' counts)" -lt 90000 ] && ok "what is there is not written again" || not_ok "what is there is not written again" "$(cat counts)"
off

# ---- boards of other kinds
for lack in --no-paste --no-zlib; do
    cp base.bin c.bin
    board c.bin $lack
    run ota --port "$BOARD" --via repl --file new.bin
    expect "a board with $lack" 0
    check "has the image, too" cmp -n 92160 -i $((0x110000)):0 c.bin new.bin
    off
done
board base.bin --no-esp
run ota --port "$BOARD" --via repl --file new.bin
expect "one without the module for flash" 1 "err:has not what an update needs" "err:No module named"
off
board base.bin --encrypted
run ota --port "$BOARD" --via repl --file new.bin
expect "one with encrypted flash" 1 "err:is encrypted"
off
board base.bin --noise
run status --port "$BOARD" --via repl
expect "one whose program prints meanwhile" 1 "err:prints something else"
off
start_sim --flash-file sim.bin --flash 4M
run status --port "$UART" --via repl
expect "no MicroPython" 3 "err:no MicroPython REPL answers"
stop_sim
run status --port file:base.bin --via repl
expect "a file" 1 "err:no MicroPython runs there"
run status --host 127.0.0.1:1 --via repl
expect "nor where nobody listens" 3 "err:cannot connect to ws://127.0.0.1:1"
run status --port ws://127.0.0.1:1 --via rom
expect "a WebREPL is no ROM" 2 "err:leads to a WebREPL"
run status --host 127.0.0.1:1 --via repl --key key
expect "and has no key" 2 "err:--key goes with an agent"
run status --host 127.0.0.1:1 --key key --password-file base.bin
expect "an agent has no password" 2 "err:--password-file goes with --arduino" "err:--via repl"
run ota --host 127.0.0.1:1 --via repl --file new.bin --monitor
expect "and its console cannot be watched" 2 "err:--monitor needs the console"
run status --port wss://127.0.0.1:1
expect "there is no TLS" 1 "err:use ws://host:port"
run info --port file:base.bin --via repl
expect "nor where a ROM is meant" 2 "err:use rom or agent"

# ---- the board is none of ours alone: MicroPython's own tool works with it
if venv=$("$ROOT/tests/venv.sh" mpremote 2>pip); then
    cp base.bin d.bin
    board d.bin
    out=$("$venv/bin/mpremote" connect "$BOARD" exec 'import esp32; print(esp32.Partition(1).info()[4])' 2>&1)
    [[ $out == *MicroPython_1* ]] && ok "mpremote works with this board" || not_ok "mpremote works with this board" "$out"
    off
else
    skip "mpremote works with this board" "it cannot be installed: $(tail -1 pip)"
fi
