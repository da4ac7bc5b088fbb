#!/usr/bin/env bash
# shellcheck disable=SC2034
# Getting a chip into download mode and out of it, by DTR and RTS over RFC 2217, and words for what is wrong.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

make_build --size 64K

start_sim --flash-file flash.bin --flash 4M
run flash --port "$REMOTE" build
expect "the auto-reset circuit" 0 "err:boots next"
wait_for "$SIM_LOG" "runs from 'MicroPython_1'" && ok "and the app starts afterwards" || not_ok "and the app starts afterwards"
run info --port "$REMOTE" --after no-reset
run info --port "$REMOTE" --before no-reset
expect "--after no-reset stays in download mode" 0 "out:ESP32"
run info --port "$REMOTE" --before no-reset
expect "the usual end leaves it" 3 "err:--before no-reset leaves that to you"
run info --port "$REMOTE" --before no_reset
expect "esptool 4's spelling" 3 "err:cannot connect"
run info --port "$REMOTE" --before 'D0|R1|W0.1|D1|R0|W0.05|D0' --after 'R1|W0.1|R0'
expect "sequences of one's own" 0 "out:ESP32"
run status --port "$REMOTE"
expect "which end in the app too" 0 "out:Running:     MicroPython_1"
run info --port "$REMOTE" --before usb-reset
expect "the wrong sequence does not work" 3 "err:wrong boot mode 0x13" "err:hold BOOT"
for sequence in 'D2' 'D0|X1' 'W' 'W-1' 'W99' 'U1' 'D0||R1'; do
    run info --port "$REMOTE" --before "$sequence|R1"
    expect "the sequence '$sequence' is refused" 2 "err:is no step of a reset sequence"
done
run info --port "$REMOTE" --before magic
expect "an unknown way in" 2 "err:classic-reset, usb-reset"
run info --port "$REMOTE" --after magic
expect "an unknown way out" 2 "err:watchdog-reset"
run info --port "$REMOTE" --after watchdog-reset
expect "a way out that the chip does not have" 1 "err:cannot be reset that way"
run reset --port "$REMOTE" --json
expect "reset" 0 'out:"mode": "from flash"'
run reset --port "$REMOTE" --download
expect "reset into download mode" 0 "err:in download mode"
run reset --port "$REMOTE" --via rom
expect "reset by the ROM" 0 "err:from flash"
run reset --port "$REMOTE" --via agent
expect "reset by the agent" 0 "err:from flash"
run reset --port "$UART"
expect "a port without lines cannot reset" 1 "err:no DTR and RTS lines"
stop_sim

start_sim --flash-file flash.bin --rise 300
run info --port "$REMOTE"
expect "a board that starts slowly: the longer delay" 0 "out:ESP32"
stop_sim
start_sim --chip esp32c3 --flash-file c3.bin --flash 4M --lines usb-jtag
run info --port "$REMOTE"
expect "USB-Serial/JTAG, found by trying in turn" 0 "out:ESP32-C3"
run info --port "$REMOTE" --before usb-reset
expect "USB-Serial/JTAG, named" 0 "out:ESP32-C3"
stop_sim
start_sim --flash-file flash.bin --lines none
run info --port "$REMOTE"
expect "a board without auto-reset: what to press" 3 "err:nothing answers" "err:hold BOOT" "err:--before no-reset"
kill -USR2 "$SIM_PID"
run info --port "$REMOTE" --before no-reset --after soft-reset
expect "somebody pressed it" 0 "out:ESP32"
wait_for "$SIM_LOG" "SPI_FAST_FLASH_BOOT" && ok "soft-reset starts the app" || not_ok "soft-reset starts the app"
stop_sim

# what the boot log says
cat >talk.py <<'PY'
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
text = sys.argv[1].encode().decode("unicode_escape").encode("latin-1")
caller, _ = listener.accept()
try:
    for _ in range(int(sys.argv[2])):
        caller.recv(4096) # whenever the host tries
        caller.sendall(text)
    while caller.recv(4096):
        pass
except OSError:
    pass
PY
says() { # NAME LOG TIMES TEXT
    local port
    rm -f talk.out
    python3 talk.py "$2" "$3" >talk.out 2>talk.err &
    PIDS+=($!)
    wait_for talk.out .
    port=$(cat talk.out)
    run info --port "tcp://127.0.0.1:$port"
    expect "$1" 3 "err:$4"
    kill "${PIDS[-1]}" 2>/dev/null
}
says "a chip that boots from flash" 'rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n' 1 "wrong boot mode 0x13"
says "a boot loop" 'ets Jul 29 2019\r\nrst:0x7 (TG0WDT_SYS_RESET)\r\nflash read err, 1000\r\n' 6 "boot loop"
says "a chip that does not hear us" 'boot:0x3 (DOWNLOAD_BOOT)\r\nwaiting for download\r\n' 1 "check the wire to its RX pin"
says "something else" 'Hello\r\n' 1 "something is talking, but no ROM"

# another program takes the answers
start_sim --flash-file flash.bin
tail -f "$TTY" >/dev/null &
PIDS+=($!)
run info --port "$TTY"
expect "another program has the port open" 3 "err:tail (pid ${PIDS[-1]}) has the port open too"
kill "${PIDS[-1]}"
stop_sim

# a port that may not be opened: as nobody, when root runs the tests
chmod 755 .
cp "$ESPOTA" here
touch theirs
chmod 000 theirs
other=()
[ "$(id -u)" -ne 0 ] || other=(setpriv --reuid nobody --regid nogroup --clear-groups)
if "${other[@]}" "$WORK/here" --version >/dev/null 2>&1; then
    "${other[@]}" "$WORK/here" info --port "$WORK/theirs" >stdout 2>stderr
    STATUS=$? OUT=$(cat stdout) ERR=$(cat stderr)
    expect "no permission: what to do" 3 "err:permission denied" "err:usermod -aG" "err:udev rules"
else
    skip "no permission: what to do" "nobody else may run a program in $WORK"
fi

# rates
start_sim --flash-file flash.bin
run info --port "$REMOTE" --baud auto -v
expect "--baud auto takes the highest" 0 "err:using 2000000 baud"
stop_sim
start_sim --flash-file flash.bin --clean-baud 500000
run info --port "$REMOTE" --baud auto -v
expect "--baud auto falls back to what works" 0 "err:using 460800 baud"
run write 0x200000 build/firmware.bin --port "$REMOTE" --baud 921600 -v
expect "a fixed rate that turns out too high" 0 "err:the line is too noisy for 921600 baud: going on at 460800" "err:verified"
cmp -s -i $((0x200000)):0 -n 65536 flash.bin build/firmware.bin && ok "and all arrives" || not_ok "and all arrives"
stop_sim
"$ESPOTA" flash -q --port file:app.bin --flash 4M build
start_sim --flash-file app.bin
run status --port "$UART" --via agent --baud 921600 -v
expect "an agent is asked for another rate" 0 "err:the line to the agent is at 921600 baud"
stop_sim
start_sim --flash-file app.bin --clean-baud 500000
run status --port "$TTY" --via agent --baud auto -v
expect "rates of an agent that do not work are taken back" 0 "err:2000000 baud do not work" "err:921600 baud do not work" \
    "err:the line to the agent is at 460800 baud"
stop_sim
run info --port "$REMOTE" --baud fast
expect "no rate" 2 "err:--baud"
run devices
expect "devices" 0
echo 'int sp_list_ports(void *list); int sp_list_ports(void *list) { *(void **)list = 0; return -3; }' >gives_up.c
if [ -z "${ESPOTA_SANITIZED:-}" ] && gcc -shared -fPIC -o gives_up.so gives_up.c; then
    LD_PRELOAD=$WORK/gives_up.so run devices --json
    expect "devices, when libserialport gives up for one that has no device file" 0 'out:"ports"'
else
    skip "devices, when libserialport gives up" "built with sanitizers"
fi
run devices --json
expect "devices as JSON" 0 'out:"ports"'

# somebody presses it while a host that has gone still has the lines moved
rm -f flash.bin
start_sim --flash-file flash.bin --flash 4M --download
cat >late.py <<'END'
import os, signal, socket, sys, time
host, sim = socket.create_connection(("127.0.0.1", int(sys.argv[1]))), int(sys.argv[2])
line = lambda value: bytes([255, 250, 44, 5, value, 255, 240])
host.sendall(bytes([255, 251, 44]) + line(9) + line(11))  # EN is low
time.sleep(0.3)
os.kill(sim, signal.SIGSTOP)
host.sendall(line(12))  # and let go of
host.close()
os.kill(sim, signal.SIGUSR2)
os.kill(sim, signal.SIGCONT)
END
python3 late.py "${REMOTE##*:}" "$SIM_PID"
run info --port "$UART"
expect "a press is behind what a host did before" 0 "out:ESP32"
stop_sim
