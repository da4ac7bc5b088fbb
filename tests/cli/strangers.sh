#!/usr/bin/env bash
# shellcheck disable=SC2034
# Strangers at the network listener of an agent: the owner gets in every time, and the UART is served. And what goes over the
# wire says neither the key nor the image.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

make_build --size 64K --seed 1
"$MKIMAGE" -o new.bin --size 256K --seed 2 --version 2.0
"$ESPOTA" key --new device.key >/dev/null
"$ESPOTA" key --new wrong.key >/dev/null
"$ESPOTA" flash -q --port file:flash.bin --flash 4M build

# strangers.py HOW PORT: for ever.
cat >strangers.py <<'PY'
import socket, struct, sys, time, zlib
how, port = sys.argv[1], int(sys.argv[2])

def frame(kind, payload):
    body = struct.pack("<BBHI", 0xA5, kind, len(payload), 1) + payload
    body += struct.pack("<I", zlib.crc32(body))
    return b"\xc0" + body.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"

hello, proof = frame(1, bytes([1, 1]) + bytes(16)), frame(2, bytes(range(48)))
def call():
    s = socket.create_connection(("127.0.0.1", port), timeout=1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s

held = []
print("ready", flush=True)
while True:
    try:
        if how == "proofs":  # wrong ones, one after another
            with call() as s:
                s.sendall(hello); s.recv(100); s.sendall(proof); s.recv(100)
        elif how == "drip":  # a byte now and then, on as many connections as there are
            if len(held) < 8: held.append(call())
            for s in held: s.sendall(b"x")
            time.sleep(0.1)
        elif how == "halves":  # frames without an end
            with call() as s:
                s.sendall(hello[:-1]); s.sendall(hello[:9]); time.sleep(0.02)
        elif how == "deaf":  # asks, and never reads
            s = call()
            for _ in range(2000): s.sendall(hello)
            held.append(s)
            time.sleep(0.01)
    except OSError:
        held = [s for s in held if s.fileno() >= 0][1:]
PY

run sim --flash-file flash.bin --listen 0
expect "on a network there is always a key" 2 "err:--listen needs --key"
start_sim --flash-file flash.bin --key device.key --listen 0
N=10
for how in proofs drip halves deaf; do
    python3 strangers.py $how "${AGENT#*:}" >strangers.out 2>strangers.err &
    stranger=$!
    PIDS+=("$stranger")
    wait_for strangers.out ready
    in=0 uart=0 failures=
    for ((i = 0; i < N; i++)); do
        "$ESPOTA" status --host "$AGENT" --key device.key >>log 2>&1 </dev/null && in=$((in + 1)) || failures+=$(tail -1 log)
        "$ESPOTA" status --port "$TTY" --key device.key >>log 2>&1 </dev/null && uart=$((uart + 1))
    done
    [ "$in" -eq $N ] && ok "$how: the owner gets in $in of $N times" || not_ok "$how: the owner gets in" "$in of $N" "$failures"
    [ "$uart" -eq $N ] && ok "$how: and the UART is served $uart of $N times" || not_ok "$how: the UART is served" "$uart of $N" "$(tail -3 log)"
    run ota --host "$AGENT" --key device.key --file new.bin
    expect "$how: an update goes through" 0 "err:Image written and verified"
    kill $stranger
    wait $stranger 2>/dev/null
    "$ESPOTA" boot MicroPython_1 -q --port "$TTY" --key device.key >>log 2>&1
done

# who does not prove in time that he knows the key is hung up on, however many bytes he sends
took=$(python3 - "${AGENT#*:}" <<'PY'
import socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
start = time.monotonic()
try:
    while time.monotonic() - start < 15:
        s.sendall(b"x")
        s.settimeout(0.5)
        try:
            if s.recv(1) == b"": break
        except socket.timeout: pass
except OSError: pass
print(int(time.monotonic() - start))
PY
)
[ "$took" -ge 4 ] && [ "$took" -le 7 ] && ok "a stranger has five seconds ($took)" || not_ok "a stranger has five seconds" "$took"
stop_sim

# ---- what travels
# wire.py PORT: passes one caller on to 127.0.0.1:PORT, and writes what went over into wire.bin.
cat >wire.py <<'PY'
import select, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
host, _ = listener.accept()
agent = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
with open("wire.bin", "wb") as wire:
    other = {host: agent, agent: host}
    while True:
        for s in select.select([host, agent], [], [])[0]:
            data = s.recv(65536)
            if not data: sys.exit()
            wire.write(data)
            other[s].sendall(data)
PY
# leaks FILE...: how many of their pieces of 16 bytes are on the wire; pieces of one byte alone do not count.
leaks() {
    python3 - "$@" <<'PY'
import sys
wire = open("wire.bin", "rb").read().replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
count = 0
for name in sys.argv[1:]:
    data = open(name, "rb").read()
    if name.endswith(".key"): data = bytes.fromhex(data.decode().strip())
    pieces = [data[i:i + 16] for i in range(0, len(data) - 15, 16)]
    count += sum(piece in wire for piece in set(pieces) if len(set(piece)) > 2)
print(count)
PY
}
through() { # a proxy to the agent or UART at $1; its address in $PROXY
    : >proxy.out
    python3 wire.py "${1##*:}" >proxy.out 2>proxy.err &
    PROXY_PID=$!
    PIDS+=("$PROXY_PID")
    wait_for proxy.out .
    PROXY=127.0.0.1:$(cat proxy.out)
}
start_sim --flash-file flash.bin --key device.key --listen 0

# ---- the place of one who has not proved himself is another's before he could
# crowded.py PORT N: hangs up on the first N callers as soon as they have spoken, and passes the next on to 127.0.0.1:PORT.
cat >crowded.py <<'PY'
import select, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
for _ in range(int(sys.argv[2])):
    caller, _ = listener.accept()
    caller.recv(1)
    caller.close()
host, _ = listener.accept()
listener.close()
agent = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
other = {host: agent, agent: host}
while True:
    for s in select.select([host, agent], [], [])[0]:
        data = s.recv(65536)
        if not data: sys.exit()
        other[s].sendall(data)
PY
crowded() { # N: the address in $PROXY
    rm -f crowded.out
    python3 crowded.py "${AGENT##*:}" "$1" >crowded.out 2>crowded.err &
    CROWDED=$!
    PIDS+=("$CROWDED")
    wait_for crowded.out .
    PROXY=127.0.0.1:$(cat crowded.out)
}
crowded 3
run status --host "$PROXY" --key device.key -v
expect "the owner calls again when his place was given away" 0 "err:hung up before a session began; called again"
kill "$CROWDED" 2>/dev/null || true
wait "$CROWDED" 2>/dev/null || true
crowded 20
run status --host "$PROXY" --key device.key
expect "but not for ever" 3 "err:broke"
kill "$CROWDED" || true
wait "$CROWDED" 2>/dev/null || true

"$MKIMAGE" -o third.bin --size 64K --seed 5 --version 3.0
through "$AGENT"
run ota --host "$PROXY" --key device.key --file third.bin
expect "an update through somebody who listens" 0 "err:Image written and verified"
wait $PROXY_PID
[ "$(stat -c %s wire.bin)" -gt 65536 ] && [ "$(leaks third.bin device.key)" -eq 0 ] &&
    ok "neither the image nor the key is on the wire ($(stat -c %s wire.bin) bytes)" ||
    not_ok "neither the image nor the key is on the wire" "$(stat -c %s wire.bin) bytes, $(leaks third.bin device.key) pieces"
stop_sim
start_sim --flash-file flash.bin
"$MKIMAGE" -o fourth.bin --content random --size 64K --seed 6 --version 4.0
through "$UART"
run ota --port "tcp://$PROXY" --file fourth.bin
expect "an update without a key" 0 "err:Image written and verified"
wait $PROXY_PID
[ "$(leaks fourth.bin)" -gt 1000 ] && ok "where there is no key, the image is on the wire" || not_ok "the image is found on the wire" "$(leaks fourth.bin) pieces"
stop_sim

# ---- a device that restarts midway
"$MKIMAGE" -o fifth.bin --size 128K --seed 7 --version 5.0
start_sim --flash-file flash.bin --key device.key --real-time
"$ESPOTA" ota --port "$TTY" --key device.key --file fifth.bin >midway.out 2>midway.err </dev/null &
ota=$!
PIDS+=("$ota")
midway() { sector_in flash.bin 0x10000 fifth.bin 3 || sector_in flash.bin 0x110000 fifth.bin 3; }
wait_until 20 midway || not_ok "an update is under way" "$(cat midway.err)"
kill -USR1 "$SIM_PID"
wait $ota
STATUS=$? OUT=$(cat midway.out) ERR=$(cat midway.err)
expect "a keyed update survives that the device restarts midway" 0 "err:Image written and verified"
stop_sim
