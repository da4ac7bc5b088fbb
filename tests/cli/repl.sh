#!/usr/bin/env bash
# A board with MicroPython and no agent, through its raw REPL: what it runs, updates, and boards that lack something.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
make_build --size 60K
"$MKIMAGE" -o new.bin --size 90K --version 2.0 --seed 2
"$MKIMAGE" -o other.bin --size 90K --version 2.0 --chip esp32c3
"$ESPOTA" flash -q -p file:base.bin --flash 4M -c esp32 --force2p build
board() { # FLASH ARGS...: its pseudo-terminal is $TTY, its other addresses are in $TCP and $WEB, its console in board.err
    rm -f board.out
    TTY=$WORK/board
    "$ESPOTA" sim --repl --flash-file "$@" --link "$TTY" --exit-with-parent >board.out 2>board.err </dev/null &
    BOARD=$!
    PIDS+=($!)
    up() { grep -qs pty board.out; }
    wait_until 30 up || not_ok "the board starts" "$(cat board.err)"
    TCP=$(sed -n 's/^uart: //p' board.out) WEB=$(sed -n 's/^webrepl: //p' board.out)
}
off() { kill "$BOARD" && { wait "$BOARD" 2>/dev/null || true; }; }
flashed() { sed -n "s/^flash: .*$1=\([0-9]*\).*/\1/p" board.err | tail -1; } # WHAT

cp base.bin a.bin
board a.bin
run status --port "$TTY" --via repl
expect "what a board runs" 0 "out:Device:      ESP32, 4M of flash, MAC 24:0a:c4:00:01:10" "out:MicroPython 1.26.1" "out:demo 1.0 [running]"
run ota --port "$TTY" --via repl --file other.bin
expect "another chip's image" 4 "err:other.bin"
run ota --port "$TTY" --via repl --file new.bin --restart
expect "an update" 0 "err:Restarted"
run status --port "$TTY" --via repl
expect "is what runs then" 0 "out:demo 2.0 [running]"
check "flash holds it" cmp -n 92160 -i $((0x110000)):0 a.bin new.bin
[[ $(flashed erased) == 2[0-9] ]] && ok "no more is erased than the image" || not_ok "no more is erased than the image" "$(cat board.err)"
run boot --port "$TTY" --via repl MicroPython_1
expect "another app is chosen" 0
run status --port "$TTY" --via repl --json
expect "and as JSON" 0 'out:"kind": "repl"' 'out:"running": "MicroPython_1"'
kill -USR1 $BOARD
twice() { [ "$(grep -c "^app: 'MicroPython_1'" board.err)" -ge 2 ]; }
wait_until 20 twice && ok "its reset button works" || not_ok "its reset button works" "$(cat board.err)"
off
check "it leaves nothing behind" test ! -e "$TTY"

# ---- over the network
echo secret123 >password && echo another >wrong && chmod 600 password wrong
cp base.bin w.bin
board w.bin --webrepl 0 --password-file password
run ota --host "${WEB#ws://}" --via repl --password-file password --file new.bin --restart
expect "an update over WebREPL" 0 "err:nothing is encrypted" "err:Waiting for it to come back"
run status --port "$WEB" --password-file password --json
expect "is what runs then, too" 0 'out:"running": "MicroPython_2"' 'out:"MicroPython 1.26.1"'
check "flash holds it, too" cmp -n 92160 -i $((0x110000)):0 w.bin new.bin
run ota --port "$WEB" --password-file password --file new.bin --restart
expect "a second one" 0 "err:to 'MicroPython_1'"
run status -vv --port "$WEB" --password-file password
expect "a trace of a WebREPL" 0 "err:5 6e 74" # what is sent is in it
if ! grep -Eq "73 65 63 72 65 74|secret123" stdout stderr; then ok "has no password"; else not_ok "has no password" "$(grep -E "73 65 63 72 65 74|secret123" stderr)"; fi
run status --host "$WEB" --password-file password
expect "a WebREPL is no host" 2 "err:what leads to a WebREPL goes to --port"
run status --port "$WEB" --password-file wrong
expect "a wrong password" 1 "err:has another password; give --password-file"
run status --port "$WEB"
expect "no password" 1 "err:asks for a password; give --password-file"
exec 5<>"/dev/tcp/127.0.0.1/${WEB##*:}"
printf 'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n' >&5
IFS= read -r -d : _ <&5
run status --port "$WEB" --password-file password
expect "somebody else is connected" 3 "err:lets in one at a time"
exec 5<&- 5>&-
printf 'name,address,key\nw,%s,password\n' "$WEB" >devices.csv
run status --devices devices.csv
expect "one in a list" 0 "out:w: runs"
off

# ---- an update that breaks in the middle begins where it was
cp base.bin b.bin
board b.bin --tcp 0 --repl-like slow
"$ESPOTA" ota --port "$TCP" --via repl --file new.bin >cut.out 2>&1 &
pid=$!
half() { [ "$(flashed written || echo 0)" -gt 30000 ] 2>/dev/null; }
wait_until 30 half || not_ok "it writes" "$(cat board.err cut.out)"
kill -9 $pid
wait $pid 2>/dev/null
off
board b.bin --tcp 0
run ota --port "$TCP" --via repl --file new.bin --restart
expect "after a cut" 0 "err:Restarted"
[ "$(flashed written)" -lt 90000 ] && ok "what is there is not written again" || not_ok "what is there is not written again" "$(cat board.err)"
off

# ---- boards of other kinds
cp base.bin c.bin
board c.bin --repl-like old
run ota --port "$TTY" --via repl --file new.bin
expect "an old board, without raw paste" 0
check "has the image, too" cmp -n 92160 -i $((0x110000)):0 c.bin new.bin
off
board base.bin --repl-like no-esp
run ota --port "$TTY" --via repl --file new.bin
expect "one without the module for flash" 1 "err:has not what an update needs" "err:no module named"
off
board base.bin --repl-like encrypted
run ota --port "$TTY" --via repl --file new.bin
expect "one with encrypted flash" 1 "err:is encrypted"
off
board base.bin --repl-like chatty
run status --port "$TTY" --via repl
expect "one whose program prints meanwhile" 1 "err:prints something else"
off
cp base.bin l.bin
board l.bin --repl-like lies
run ota --port "$TTY" --via repl --file new.bin
expect "one whose digests are wrong" 4
run status --port file:l.bin
expect "its flash is its own" 1
off
run status --port file:l.bin
expect "what ran boots still" 0 "out:Boots next:  MicroPython_1"

# ---- boards that are somebody else's: each comes to an end, by itself
attack() { # MODE: its address is $TCP
    rm -f attack.out
    python3 "$ROOT/tests/cli/repl_attack.py" "$1" >attack.out 2>attack.err </dev/null &
    BOARD=$!
    PIDS+=($!)
    begun() { [ -s attack.out ]; }
    wait_until 20 begun || not_ok "an attack begins" "$(cat attack.err)"
    TCP=$(cat attack.out)
}
while read -r mode status text; do
    attack "$mode"
    run status --port "$TCP" --via repl
    expect "a board that is $mode" "$status" "err:$text"
    off
done <<'ATTACKS'
mute 3 no MicroPython REPL answers
endless 1 prints without an end
window 1 does not take the code
nowindow 1 takes no code
nul 1 prints something else
huge 1 prints something else
nowhere 1 prints something else
wordless 1 does not say why
closing 3 closed it
ATTACKS
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

# ---- the simulator's own
run sim --repl --flash-file blank.bin --flash 4M
expect "nothing boots" 1 "err:nothing boots from blank.bin"
run sim --repl --flash-file base.bin --webrepl 0
expect "a WebREPL has a password" 2 "err:--webrepl needs --password-file"
run sim --flash-file base.bin --webrepl 0
expect "and is one of MicroPython" 2 "err:go with --repl"
run sim --repl --flash-file base.bin --listen 0 --key key
expect "which has no agent" 2 "err:without ROM and agent"
run sim --repl --flash-file base.bin --repl-like new
expect "some are not known" 2 "err:--repl-like 'new'"
mkdir nothing
env PATH="$WORK/nothing" "$ESPOTA" sim --repl --flash-file base.bin 2>none </dev/null
[ $? -eq 1 ] && grep -q "the package python3" none && ok "without python3 it says so" || not_ok "without python3 it says so" "$(cat none)"
board base.bin --webrepl 0 --tcp 0 --password-file password --json
check "where it is reached, as JSON" jq -e '.pty and (.webrepl_url | startswith("ws://127.0.0.1:")) and .tcp_url' board.out
child=$(cat "/proc/$BOARD/task/$BOARD/children")
kill -9 "$BOARD" && { wait "$BOARD" 2>/dev/null || true; }
gone() { ! kill -0 "${child% }" 2>/dev/null; }
wait_until 20 gone && ok "python3 ends with it, however it ends" || not_ok "python3 ends with it, however it ends" "$child"

# ---- what others wrote works with it unchanged
if venv=$("$ROOT/tests/venv.sh" mpremote 2>pip); then
    cp base.bin d.bin
    board d.bin
    port=$(readlink "$TTY")
    out=$("$venv/bin/mpremote" connect "$port" exec 'import esp32; print(esp32.Partition(1).info()[4])' 2>&1)
    [[ $out == *MicroPython_1* ]] && ok "mpremote works with this board" || not_ok "mpremote works with this board" "$out"
    echo "hello" >hello.txt
    out=$("$venv/bin/mpremote" connect "$port" fs cp hello.txt :h.txt + fs ls + fs cat :h.txt + fs rm :h.txt + eval '2**10' 2>&1)
    [[ $out == *"6 h.txt"* && $out == *hello*1024* ]] && ok "and its files" || not_ok "and its files" "$out"
    out=$("$venv/bin/mpremote" connect "$port" soft-reset exec 'raise OSError(5)' 2>&1)
    [[ $out == *"OSError: 5"* ]] && ok "and what fails there" || not_ok "and what fails there" "$out"
    off
else
    skip "mpremote works with this board" "it cannot be installed: $(tail -1 pip)"
fi
