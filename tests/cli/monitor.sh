#!/usr/bin/env bash
# monitor, and --monitor of other commands: filters, logs, times, panics, rates, keys at a terminal, and a device that
# goes and comes back.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
ELF=$ROOT/tests/data/elf
unset ESPOTA_MONITOR_BAUD IDF_MONITOR_BAUD MONITORBAUD

# says FILE: a device at $PORT that prints the file to each who comes.
says() {
    exec 3< <(exec python3 "$ROOT/tests/interop/lines.py" "$1")
    PIDS+=("$!")
    read -r port <&3
    PORT=tcp://127.0.0.1:$port
}

# ---- filters
printf '%s\r\n' 'I (1) wifi: joining' 'W (2) wifi: weak' 'E (3) wifi: lost' 'I (4) app: hello' 'D (5) app: detail' 'plain' \
    $'\e[0;33mW (6) wifi: coloured\e[0m' 'END' >log.txt
says log.txt
run monitor --port "$PORT" --until END --timeout 10 --print-filter 'wifi:W *:I'
printf '%s\n' 'W (2) wifi: weak' 'E (3) wifi: lost' 'I (4) app: hello' 'plain' $'\e[0;33mW (6) wifi: coloured\e[0m' 'END' >expected.txt
head -n 6 stdout >seen.txt
same "--print-filter shows what idf.py's does" expected.txt seen.txt
run monitor --port "$PORT" --until END --timeout 10 --print-filter wifi:E
expect "what is filtered out is waited for nevertheless" 0 'out:E (3) wifi: lost'
if [ "$(grep -c . stdout)" -eq 1 ]; then ok "and not shown"; else not_ok "and not shown" "$OUT"; fi
for filter in ':I' 'a:X' 'a:b:c'; do
    run monitor --port "$PORT" --print-filter "*:I $filter"
    expect "no filter: $filter" 2 "err:--print-filter: '$filter'"
done
run monitor --port "$PORT" --print-filter a --raw
expect "--raw takes no filter" 2 "err:contradict"

# ---- for scripts
run monitor --port "$PORT" --until END --fail-on 'lost$' --timeout 10
expect "--fail-on" 1 "err:E (3) wifi: lost"
run monitor --port "$PORT" --until coloured --fail-on END --timeout 10s --json
expect "what comes first counts" 0 'out:"matched": true' 'out:W (6) wifi: coloured"'
run monitor --port "$PORT" --fail-on '('
expect "no regular expression" 2 "err:--fail-on '('"
run monitor --port "$PORT" --until '^W .6. wifi: coloured$' --timeout 10
expect "colours are no text" 0
run monitor --port "$PORT" --until END --timeout 10 --no-color
if ! grep -q $'\e' stdout; then ok "--no-color"; else not_ok "--no-color" "$(cat -v stdout)"; fi
SECONDS=0
"$ESPOTA" monitor --port "$PORT" --timeout 30 2>err.txt </dev/null | head -n 1 >seen.txt
if [ "$SECONDS" -lt 20 ] && grep -q joining seen.txt; then ok "who closes the pipe ends it"; else not_ok "who closes the pipe ends it" "$(cat err.txt)"; fi

# ---- times
run monitor --port "$PORT" --until END --timeout 10 --timestamp-format 'at %Y-%m-%d %H:%M:%S.%f 100%%'
if grep -qE '^at 20[0-9-]{8} [0-9:]{8}\.[0-9]{6} 100% I \(1\) wifi: joining' stdout; then ok "--timestamp-format"; else not_ok "--timestamp-format" "$OUT"; fi

# ---- a log
run monitor --port "$PORT" --until END --timeout 10 --log kept.txt --print-filter '*:N' -q
same "--log keeps what came, as it came" log.txt kept.txt
run monitor --port "$PORT" --until END --timeout 10 --log kept.txt
cat log.txt log.txt >twice.txt
same "and appends" twice.txt kept.txt
run monitor --port "$PORT" --until END --timeout 10 --log /dev/full
expect "a full disk ends the log, not the session" 0 "out:END" "err:the disk is full"
run monitor --port "$PORT" --log no/such/folder
expect "a log that cannot be" 1 "err:no/such/folder"

# ---- panics
panic() { # SHA256
    sed -n 's/^    "\(.*\)".*/\1/p' "$ROOT/tests/fixtures/panic_text.h" |
        sed -e "s/\" PANIC_SHA256 \"/$1/" -e 's/\\n/\r/g'
}
sha=$(sha256sum "$ELF/tiny_riscv.elf" | cut -c1-9)
panic "$sha" >panic.txt
says panic.txt
run monitor --port "$PORT" --until Rebooting --timeout 10 --elf "$ELF/tiny_riscv.elf"
expect "a panic of RISC-V" 0 "out:--- 0x42000008: take at /src/tiny.c:7" "out:---  (inlined by) read_sensor at /src/tiny.c:12" \
    "out:--- #1  0x42000050 in poll_sensors at /src/tiny.c:21" "out:--- #2  0x42000074 in app_main at /src/tiny.c:39"
[[ $ERR != *"another build"* ]] && ok "of the build that runs" || not_ok "of the build that runs" "$ERR"
mkdir -p project/build && cp "$ELF/tiny_riscv.elf" project/build/app.elf
run monitor project --port "$PORT" --until Rebooting --timeout 10 --log panic.log --print-filter '*:N'
expect "the build of a folder, and a filter that shows nothing" 0 "out:--- #1  0x42000050 in poll_sensors" "err:project/build/app.elf"
grep -q '^--- #1  0x42000050 in poll_sensors' panic.log && ok "the log has it too" || not_ok "the log has it too" "$(cat panic.log)"
run monitor project --no-decode --port "$PORT" --until Rebooting --timeout 10
expect "--no-decode" 0
[[ $OUT != *"---"* ]] && ok "leaves it as it is" || not_ok "leaves it as it is" "$OUT"
panic 123456789 >other.txt
says other.txt
run monitor --port "$PORT" --until Rebooting --timeout 10 --elf "$ELF/tiny_riscv.elf"
expect "another build" 0 "err:another build (ELF SHA-256 123456789)" "out:poll_sensors"
printf '%s\n' 'Backtrace: 0x400d0020:0x3ffb1234 0x40008544:0x3ffb1250  |<-CORRUPTED' END >xtensa.txt
says xtensa.txt
run monitor --port "$PORT" --until END --timeout 10 --elf "$ELF/tiny_riscv.elf" --elf "$ELF/tiny_xtensa.elf"
expect "a backtrace of Xtensa, of the second ELF file" 0 "out:--- 0x400d0020: read_sensor at /src/tiny.c:15" "out:--- 0x40008544: in ROM"
run monitor --port "$PORT" --elf log.txt
expect "no ELF file" 4 "err:log.txt is no ELF file"
run monitor . --port "$PORT"
expect "a folder without one" 1 "err:there is no ELF file of an app in ."

# ---- after other work, and two rates
make_build --size 100K
start_sim --flash-file flash.bin --flash 4M
export ESPOTA_PORT=$REMOTE
run flash build -b 921600 --monitor --until "runs from 'MicroPython_1'" --monitor-timeout 20
expect "flash --monitor shows the boot from its first byte" 0 "out:rst:0x1 (POWERON_RESET)" "out:runs from"
ESPTOOL_BAUD=921600 run monitor --reset --until 'runs from' --timeout 20
expect "the rate of flashing is not the console's" 0 "out:rst:0x1 (POWERON_RESET)"
ESPTOOL_BAUD=921600 run status
expect "nor an agent's" 0 "out:Running:     MicroPython_1"
ESPOTA_MONITOR_BAUD=9600 run monitor --reset --until 'runs from' --timeout 1
expect "at the wrong rate nothing makes sense" 3 "err:nothing on"
ESPOTA_MONITOR_BAUD=fast run monitor
expect "no rate" 2 "err:--monitor-baud (or ESPOTA_MONITOR_BAUD)"
for command in "reset" "reset --via rom" "ota --file build/firmware.bin" "boot MicroPython_1" "write internalfs log.txt" \
    "flash build --no-stub -b 460800"; do
    # shellcheck disable=SC2086
    run $command --monitor --until 'runs from' --monitor-timeout 20 --json
    expect "$command --monitor" 0 "err:rst:0x1 (POWERON_RESET)" 'out:"monitor": {' 'out:"matched": true'
done
run flash build --monitor --fail-on 'espota agent' --monitor-timeout 20
expect "what must not come fails the command" 1 "err:--fail-on" "out:rst:0x1"
run flash build --until x
expect "--until wants --monitor" 2 "err:go with --monitor"
run flash --port file:new.bin --chip esp32 --flash 4M build --monitor
expect "a file has no console" 1 "err:no console"
[ ! -e new.bin ] && ok "and is not written before that is said" || not_ok "and is not written before that is said"
run ota --host 127.0.0.1 --key flash.bin --file build/firmware.bin --monitor
expect "nor has a network" 2 "err:--port"
ESPOTA_HOST=127.0.0.1:1 ESPOTA_KEY=flash.bin run ota --file build/firmware.bin --monitor
expect "nor one that a setting names" 2 "err:--port"
run flash build --monitor --elf log.txt
expect "a wrong ELF file is found before anything is written" 4 "err:log.txt is no ELF file"

# ---- keys, at a terminal
python3 "$ROOT/tests/cli/monitor_keys.py" "$ESPOTA" "$REMOTE" "$UART" || not_ok "the keys are tested"
stop_sim

# ---- a device that goes and comes back
start_sim --flash-file flash.bin --flash 4M
"$ESPOTA" monitor --port "$TTY" --until 'again' --timeout 60 >seen.txt 2>err.txt </dev/null &
watcher=$!
PIDS+=("$watcher")
wait_until 20 waits "$watcher"
stop_sim
wait_for err.txt "is gone; waiting" && ok "a device that goes is missed" || not_ok "a device that goes is missed" "$(cat err.txt)"
printf 'back again\n' >again.txt
python3 - "$TTY" >pty.out <<'PY' &
import os, sys, time
master, slave = os.openpty()
os.symlink(os.ttyname(slave), sys.argv[1] + ".new")
os.replace(sys.argv[1] + ".new", sys.argv[1])
for _ in range(100):
    time.sleep(0.1)
    os.write(master, b"back again\n")
PY
PIDS+=($!)
wait "$watcher"
status=$?
[ "$status" -eq 0 ] && grep -q 'is back' err.txt && ok "and found again" || not_ok "and found again" "$status" "$(cat err.txt seen.txt)"
start_sim --flash-file flash.bin --flash 4M
"$ESPOTA" monitor --no-reconnect --port "$TTY" --timeout 60 >seen.txt 2>err.txt </dev/null &
watcher=$!
PIDS+=("$watcher")
wait_until 20 waits "$watcher"
stop_sim
wait "$watcher"
status=$?
[ "$status" -eq 3 ] && ok "--no-reconnect" || not_ok "--no-reconnect" "$status" "$(cat err.txt)"
