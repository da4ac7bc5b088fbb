#!/usr/bin/env bash
# Addresses, ports and files that are not what they should be: a sentence says so, no word of the system's own.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

"$MKIMAGE" -o app.bin --size 64K
"$ESPOTA" key -q --new board.key >/dev/null

# ---- ports
run info --port app.bin
expect "a file as a port" 3 "err:it is a file, no serial port; a flash image is named with file:"
run status --port "$WORK"
expect "a directory as a port" 3 "err:it is a directory, no serial port"
run info --port /dev/zero
expect "a device that is no port" 3 "err:it is something else, no serial port"
run info --port nowhere
expect "a port that is not there" 3 "err:is the board plugged in?"
mkfifo pipe
run info --port pipe
expect "a pipe as a port" 3 "err:it is something else, no serial port"
run monitor --port tcp://127.0.0.1:1
expect "a port where nobody listens" 3 "err:nobody listens there"
run monitor --port tcp://127.0.0.1
expect "an address without a port" 2 "err:write tcp://host:port"
run monitor --port tcp://::1:3232
expect "an IPv6 address without brackets" 2 "err:tcp://[address]:port"
run status --port file:"$WORK"
[[ $ERR == *"Is a directory"* || $STATUS -eq 0 ]] && not_ok "a directory as flash" "$ERR" || ok "a directory as flash"

# ---- hosts
for host in ::1 '[::1]' fe80::1%lo '[fe80::1%lo]:3232' ::ffff:127.0.0.1; do
    run status --host "$host" --key board.key
    if [[ $STATUS -eq 3 && $ERR == *"cannot connect to tcp://["*"]:3232: "* ]]; then
        ok "--host $host is an address"
    else
        not_ok "--host $host is an address" "$STATUS" "$ERR"
    fi
done
cat >forward.py <<'PY'
import socket, sys, threading
def copy(a, b):
    try:
        while data := a.recv(4096): b.sendall(data)
    except OSError: pass
    b.close()
server = socket.socket(socket.AF_INET6)
server.bind(("::1", 0)); server.listen()
print(server.getsockname()[1], flush=True)
while True:
    a, _ = server.accept()
    b = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    threading.Thread(target=copy, args=(a, b), daemon=True).start()
    threading.Thread(target=copy, args=(b, a), daemon=True).start()
PY
"$MKIMAGE" -o boot.bin --kind bootloader --size 20K
"$ESPOTA" flash -q --port file:flash.bin --flash 4M --bootloader boot.bin --app app.bin
start_sim --flash-file flash.bin --key board.key --listen 0
exec 3< <(exec python3 forward.py "${AGENT##*:}" 2>/dev/null)
PIDS+=($!)
if read -r port <&3; then
    run status --host "[::1]:$port" --key board.key
    expect "an agent at an IPv6 address" 0 "out:Agent:"
else
    skip "an agent at an IPv6 address" "no IPv6 here"
fi
stop_sim

# ---- files
run image "$WORK"
expect "a directory as an image" 1 "err:directory"
if [ -w /dev/full ]; then
    run plan --flash 4M --output /dev/full
    expect "a full disk" 1 "err:the disk is full"
fi
