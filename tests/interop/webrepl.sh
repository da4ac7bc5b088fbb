#!/usr/bin/env bash
# WebSockets that another library makes: a server of PyPI's websockets is the door of a board with MicroPython.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
venv=$("$ROOT/tests/venv.sh" websockets 2>pip) || {
    skip "a WebREPL behind another library's WebSocket" "it cannot be installed: $(tail -1 pip)"
    exit 0
}
make_build --size 60K
"$MKIMAGE" -o new.bin --size 90K --version 2.0 --seed 2
"$ESPOTA" flash -q -p file:board.bin --flash 4M -c esp32 --force2p build
"$ESPOTA" sim --repl --flash-file board.bin --no-pty --tcp 0 --exit-with-parent >board.out 2>board.err </dev/null &
BOARD=$!
PIDS+=("$BOARD")
up() { grep -q ^uart board.out; }
wait_until 30 up || not_ok "the board starts" "$(cat board.err)"
cat >door.py <<'PY'
import asyncio, sys
import websockets.asyncio.server as server

async def door(web):
    await web.send("Password: ")
    word = ""
    while not word.endswith("\r"):
        word += await web.recv()
    if word != "secret123\r":
        await web.send("\r\nAccess denied\r\n")
        return
    await web.send("\r\nWebREPL connected\r\n>>> ")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))

    async def out():
        while data := await reader.read(1024):  # a raw REPL's are not all UTF-8
            await web.send(data)
            await web.ping()
    task = asyncio.create_task(out())
    async for message in web:
        writer.write(message if isinstance(message, bytes) else message.encode())
    task.cancel()
    writer.close()

async def main():
    async with server.serve(door, "127.0.0.1", 0, compression="deflate") as s:
        print(s.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
PY
"$venv/bin/python" door.py "$(sed -n 's/^uart: .*://p' board.out)" >door.out 2>door.err &
DOOR=$!
PIDS+=("$DOOR")
open() { [ -s door.out ]; }
wait_until 30 open || not_ok "the door opens" "$(cat door.err)"
WEB=ws://127.0.0.1:$(cat door.out)
echo secret123 >password && echo wrong >wrong && chmod 600 password wrong
run ota --port "$WEB" --password-file password --file new.bin --restart
expect "an update through another library's WebSocket" 0 "err:Restarted"
run status --port "$WEB" --password-file password
expect "is what runs then" 0 "out:demo 2.0 [running]"
run status --port "$WEB" --password-file wrong
expect "a wrong password" 1 "err:has another password"
for pid in "$DOOR" "$BOARD"; do kill "$pid" && { wait "$pid" 2>/dev/null || true; }; done
