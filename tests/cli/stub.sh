#!/usr/bin/env bash
# The stub: what uses a ROM loads it, works through it, and does without where it cannot be had.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
make_build --version 1.0 --seed 1 --size 64K
head -c 300000 /dev/urandom >random.bin
head -c 4096 /dev/urandom >one.bin
head -c 8192 /dev/urandom >two.bin

device() { # ARGS...: a fresh 4M board in download mode
    rm -f flash.bin
    start_sim --flash-file flash.bin --flash 4M --download "$@"
    export ESPOTA_PORT=$REMOTE
}
uses() { # NAME KIND ARGS...: so the status says that it was asked
    local name=$1 kind=$2
    shift 2
    run status --via rom --json "$@"
    expect "$name" 0 "out:\"kind\": \"$kind\""
}

# ---- with it, and without
device
run flash -v build
expect "flash loads the stub" 0 "err:the stub answers" "err:boots next"
check "what it writes is in flash" cmp -i $((0x10000)):0 -n 65536 flash.bin build/firmware.bin
uses "status by the stub" stub
uses "status without" rom --no-stub
run flash -v --no-stub build
expect "flash without the stub finds all of it there" 0 "err:there already" "err:0K written"
[[ "$ERR" != *"stub answers"* ]] && ok "and loads none" || not_ok "and loads none" "$ERR"
run info --json
expect "info asks the ROM" 0 'out:"kind": "rom"' 'out:"revision"'
run write -v 0x200000 random.bin
expect "write" 0 "err:the stub answers" "err:verified"
run verify -v 0x200000 random.bin
expect "verify" 0 "err:the stub answers"
run read -v 0x200000+300000 back.bin
expect "read" 0 "err:the stub answers"
same "gives what was written" back.bin random.bin
run erase -v 0x200000+64K
expect "erase" 0 "err:the stub answers"
check "leaves FF" cmp -i $((0x200000)):0 -n 65536 flash.bin <(head -c 65536 /dev/zero | tr '\0' '\377')
check "and the rest" cmp -i $((0x210000)):65536 -n 200000 flash.bin random.bin
run backup -v backup.espota
expect "backup" 0 "err:the stub answers"
run restore -v --force backup.espota
expect "restore" 0 "err:the stub answers"
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 64K
run ota -v --via rom --file new.bin
expect "an update by cable" 0 "err:the stub answers" "err:Image written and verified"
run boot -v --via rom MicroPython_1
expect "boot by cable" 0 "err:the stub answers"
run status --no-stub
expect "--no-stub goes with the ROM" 2 "err:--no-stub go with the ROM"
stop_sim

# ---- chips and ports that stay with the ROM
rm -f c3.bin
start_sim -c esp32c3 -f c3.bin --flash 4M --download --secure-download
run write --port "$REMOTE" 0x200000 one.bin
expect "secure download mode is refused as ever" 5 "err:secure download mode"
run info --port "$REMOTE" --json
expect "and looked at through the ROM" 0 'out:"kind": "rom"' 'out:"secure_download": true'
stop_sim
device --secure-boot
run write 0x200000 one.bin
expect "a protected chip is refused" 5 "err:boots only signed images"
kill -USR2 "$SIM_PID"
run write --port "$UART" 0x200000 one.bin
expect "again, where nothing resets it" 5 "err:boots only signed images"
run write --port "$UART" -v --force 0x200000 one.bin
expect "no stub was left there, and it is written by the ROM when forced" 0 "err:warning" "err:verified"
[[ "$ERR" != *"stub answers"* ]] && ok "without the stub" || not_ok "without the stub" "$ERR"
stop_sim
for chip in esp32 esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32h2 esp32p4; do
    rm -f chip.bin
    start_sim -c $chip -f chip.bin --flash 4M --download
    run write -v --port "$REMOTE" 0x200000 two.bin
    expect "$chip has a stub" 0 "err:the stub answers" "err:verified"
    check "$chip: what it writes is there" cmp -i $((0x200000)):0 -n 8192 chip.bin two.bin
    stop_sim
done

# ---- a stub that does not start
for fault in silent babbles; do
    device --stub-fault $fault
    run write 0x200000 one.bin
    expect "$fault: the ROM goes on" 0 "err:going on with the ROM bootloader" "err:verified"
    check "$fault: and writes" cmp -i $((0x200000)):0 -n 4096 flash.bin one.bin
    run write --no-stub 0x201000 one.bin
    expect "$fault: not asked for, not tried" 0 "err:verified"
    [[ "$ERR" != *"going on"* ]] && ok "$fault: nor complained of" || not_ok "$fault: nor complained of" "$ERR"
    kill -USR2 "$SIM_PID"
    run write --port "$UART" 0x202000 one.bin
    expect "$fault: where nothing can reset the chip" 3 "err:the ROM bootloader does not answer any more" "err:--no-stub"
    kill -USR2 "$SIM_PID"
    run write --port "$UART" --no-stub 0x202000 one.bin
    expect "$fault: that helps" 0 "err:verified"
    stop_sim
done

# ---- a first stage that does not do it
for fault in silent babbles dies:5000; do
    device --stub-fault first-$fault
    run write -v 0x200000 one.bin
    expect "first-$fault: the ROM loads all of the stub" 0 "err:the stub answers" "err:verified"
    [[ "$ERR" != *"going on"* ]] && ok "first-$fault: which does" || not_ok "first-$fault: which does" "$ERR"
    kill -USR2 "$SIM_PID"
    run write --port "$UART" 0x202000 one.bin
    expect "first-$fault: where nothing can reset the chip" 3 "err:the ROM bootloader does not answer any more" "err:--no-stub"
    kill -USR2 "$SIM_PID"
    run write --port "$UART" --no-stub 0x202000 one.bin
    expect "first-$fault: that helps" 0 "err:verified"
    stop_sim
done
device --stub-fault first-dies:18500
run write -v 0x200000 one.bin
expect "a first stage that dies at the end" 0 "err:the stub answers" "err:verified"
stop_sim
run sim --flash-file flash.bin --stub-fault first-
expect "a first stage can do no other wrong" 2 "err:use silent, babbles or dies"

# ---- a first stage that is left, or answers for ever
rm -f flash.bin
start_sim --flash-file flash.bin --flash 4M --download --real-time
"$ESPOTA" write -v --port "$UART" 0x200000 one.bin >stopped.out 2>&1 </dev/null &
STOPPED=$!
PIDS+=("$STOPPED")
wait_for stopped.out "connecting to the ROM"
sleep 0.6 # the first stage is there, the stub is not yet
kill -INT "$STOPPED"
wait "$STOPPED"
check "stopped while the stub is loaded" grep -q "stopped on request" stopped.out
run write -v --port "$UART" 0x200000 one.bin
expect "where nothing resets the chip, the next run finds it" 0 "err:a stub runs on" "err:verified"
stop_sim
rm -f flash.bin
start_sim --flash-file flash.bin --flash 4M --download --real-time
"$ESPOTA" write -v --port "$UART" 0x200000 one.bin >stopped.out 2>&1 </dev/null &
STOPPED=$!
PIDS+=("$STOPPED")
wait_for stopped.out "connecting to the ROM"
sleep 0.6 # as above
kill -KILL "$STOPPED"
wait "$STOPPED" 2>/dev/null
run write -v --port "$UART" 0x200000 one.bin
expect "killed there, too" 0 "err:the first stage of a stub runs on" "err:a stub runs on" "err:verified"
stop_sim
cat >endless.py <<'END'
import select, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
host, _ = listener.accept()
chip = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
said = b""
while True:
    for side in select.select([host, chip], [], [])[0]:
        data = side.recv(4096)
        if not data:
            sys.exit()
        (chip if side is host else host).sendall(data)
        said += data if side is chip else b""
        at = said.find(b"\xc0\x51\x01\0\0")
        end = said.find(b"\xc0", at + 1)
        while at >= 0 and end > 0:  # that answer, for ever
            host.sendall(said[at : end + 1])
END
device
python3 endless.py "${UART##*:}" >endless.out 2>/dev/null &
PIDS+=("$!")
wait_until 20 test -s endless.out
timeout 60 "$ESPOTA" write --port "tcp://127.0.0.1:$(cat endless.out)" 0x200000 one.bin >stopped.out 2>&1 </dev/null
STATUS=$? OUT=$(cat stopped.out) ERR=$OUT
expect "one that answers without end is given up" 3 "err:answers without end"
stop_sim

# ---- a host that lies to the simulator: a piece that is longer than what was unpacked
cat >lie.py <<'END'
import re, socket, struct, sys, zlib
image = open(sys.argv[2]).read()
first = bytes(map(int, re.search(r"esp32_first\[\] = \{([^}]*?),?\s*\}", image)[1].split(",")))
address, entry = (int(n, 16) for n in re.search(r"\{ (0x\w+), sizeof esp32_first, esp32_first \}, (0x\w+)", image).groups())
chip = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
chip.settimeout(20)
def ask(body, answer):
    chip.sendall(b"\xc0" + body.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0")
    said = b""
    while answer not in said:
        said += chip.recv(4096) or sys.exit("no answer")
def rom(command, data, check=0):
    ask(struct.pack("<BBHI", 0, command, len(data), check) + data, bytes([1, command]))
def stage(kind, data):
    body = bytes([kind, 0, 0, 0]) + data
    ask(body + struct.pack("<I", zlib.crc32(body)), bytes([0xc0, kind]))
check = 0xef
for byte in first:
    check ^= byte
rom(8, b"\x07\x07\x12\x20" + b"U" * 32)
rom(5, struct.pack("<4I", len(first), 1, len(first), address))
rom(7, struct.pack("<4I", len(first), 0, 0, 0) + first, check)
rom(6, struct.pack("<2I", 0, entry))
pieces = struct.pack("<4I", 0x3FF00000, int(sys.argv[3], 0), 0x3FF00000, 0xFFFFFFFC)
stage(0x52, (b"\x00\x80" + pieces).ljust(512, b"\0"))  # 16 literals
stage(0x54, struct.pack("<3I", 1, 0, 16))
stage(0x51, b"")
END
device
for length in 0x7ffffff0 0x20000 0; do
    kill -USR2 "$SIM_PID"
    check "a piece of $length bytes harms nobody" timeout 60 python3 lie.py "${UART##*:}" "$ROOT/src/device/stub/images/esp32.inc" $length
done
stop_sim

# ---- on lines that do harm to it
for harm in "--drop 1000" "--flip 1000" "--duplicate 1000" "--drop 300 --flip 300 --duplicate 300"; do
    for seed in 1 3; do
        # shellcheck disable=SC2086
        device $harm --seed $seed
        run write -v --port "$UART" 0x200000 one.bin
        expect "the stub comes over a line with $harm ($seed)" 0 "err:the stub answers" "err:verified"
        stop_sim
    done
done

# ---- one that dies
device --stub-fault dies:40000
run write -v 0x200000 random.bin
expect "a stub that dies is loaded again, and the ROM takes over" 0 "err:loading the stub again" "err:lost again and again" \
    "err:verified"
check "all is written in the end" cmp -i $((0x200000)):0 -n 300000 flash.bin random.bin
stop_sim
start_sim --flash-file flash.bin --download --stub-fault dies:1000
run read -v --known one.bin --port "$REMOTE" 0x200000+300000 lost.bin
expect "lost while it is read: the ROM takes over, whose digests are of another kind" 0 "err:lost again and again" "err:verified"
same "all is read in the end" lost.bin random.bin
stop_sim

# ---- more than 16M
rm -f flash.bin
start_sim -c esp32s3 -f flash.bin --flash 32M --download
export ESPOTA_PORT=$REMOTE
run write 0x1000000 one.bin
expect "writing beyond 16M" 0 "err:verified"
run write 0xfff000 two.bin
expect "across 16M" 0 "err:verified"
check "they lie there" cmp -i $((0xfff000)):0 -n 8192 flash.bin two.bin
check "and not at the start" cmp -n 8192 flash.bin <(head -c 8192 /dev/zero | tr '\0' '\377')
run verify 0xfff000 two.bin
expect "verified" 0
run write 0x1fff000 one.bin
expect "the last sector" 0 "err:verified"
run read 0x1fff000+4K back.bin
expect "is read" 0
same "as it was written" back.bin one.bin
run erase 0x1fff000+4K
expect "and erased" 0
check "it is blank" cmp -i $((0x1fff000)):0 -n 4096 flash.bin <(head -c 4096 /dev/zero | tr '\0' '\377')
stop_sim

# ---- rates
device
run write -v --baud 921600 0x200000 one.bin
expect "a port with a rate is fast before the stub is loaded" 0 "err:the stub answers" "err:verified"
kill -USR2 "$SIM_PID"
run write -v --port "$UART" --baud 921600 0x200000 two.bin
expect "raw TCP takes --baud: the stub is asked" 0 "err:at 921600 baud" "err:verified"
stop_sim
device --clean-baud 500000
run write -v --port "$UART" --baud 921600 0x200000 one.bin
expect "a rate that does not work is taken back" 0 "err:baud do not work: going on as before" "err:the stub answers" "err:verified"
[[ "$ERR" != *"the line to the agent is at"* ]] && ok "and not tried again" || not_ok "and not tried again" "$ERR"
check "and what was to be done is done" cmp -i $((0x200000)):0 -n 4096 flash.bin one.bin
stop_sim

# ---- a stub that an earlier command left
device
run write -v --port "$UART" --after no-reset 0x200000 one.bin
expect "a stub may stay" 0 "err:the stub answers"
run verify -v --port "$UART" --after no-reset 0x200000 one.bin
expect "the next command finds it" 0 "err:a stub runs on"
run verify -v --port "$TTY" --before no-reset --after no-reset 0x200000 one.bin
expect "on a serial port too" 0 "err:a stub runs on"
run info --port "$UART" --json --after no-reset
expect "info as well" 0 'out:"kind": "stub"' 'out:"chip": "esp32"' 'out:"mac": "24:0a:c4:00:01:10"'
run verify --port "$UART" --chip esp32c3 0x200000 one.bin
expect "it says which chip it is on" 2 "err:is an ESP32, not an ESP32-C3"
run verify -v 0x200000 one.bin
expect "a port with lines resets it" 0 "err:the stub answers"
kill -USR2 "$SIM_PID"
run write --port "$UART" --after no-reset 0x200000 one.bin
run reset --port "$UART" --via rom
expect "and it restarts the chip" 0 "err:from flash"
check "which boots" wait_for "$SIM_LOG" "No bootable\|invalid header\|agent"
stop_sim

# ---- broken off
device --real-time
"$ESPOTA" write -q 0x200000 random.bin >stopped.out 2>stopped.err </dev/null &
writer=$!
wait_until 30 sector_in flash.bin 0x200000 random.bin 5 || not_ok "a write is under way" "$(cat stopped.err)"
kill -INT $writer
wait $writer
STATUS=$? OUT=$(cat stopped.out) ERR=$(cat stopped.err)
expect "Ctrl-C in the middle" 130 "err:stopped on request"
stop_sim
start_sim --flash-file flash.bin --download
run write --port "$REMOTE" 0x200000 random.bin
expect "the next run finishes" 0 "err:verified"
same "with all of it" <(tail -c +$((0x200001)) flash.bin | head -c 300000) random.bin
stop_sim

device --power-cut 30:torn
run write --port "$UART" 0x200000 random.bin
expect "power fails in the middle" 3
kill -HUP "$SIM_PID"
run write 0x200000 random.bin
expect "with power, the next run finishes it" 0 "err:verified"
check "so that all is there" cmp -i $((0x200000)):0 -n 300000 flash.bin random.bin
stop_sim

device --stub-fault dies:20000
run write --port "$UART" 0x200000 random.bin
expect "a stub that dies where nothing resets the chip" 3 "err:the stub is lost: reset the chip into download mode"
stop_sim

device --disconnect-after 20000
run write --port "$UART" 0x200000 one.bin
expect "the line breaks while the stub is loaded" 3
run write 0x200000 one.bin
expect "the next run begins anew" 0 "err:verified"
stop_sim
