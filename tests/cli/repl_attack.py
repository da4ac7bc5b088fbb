# A board that answers a raw REPL with malice. Usage: repl_attack.py MODE; prints its address, on the loopback interface.
import socket
import sys

mode = sys.argv[1]
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1)
print(f"tcp://127.0.0.1:{listener.getsockname()[1]}", flush=True)
INFO = {"nul": b"\0" * 40, "nowhere": b"4194304 99999999999 False True 240ac4000110 1.2",
        "huge": b"4611686018427387904 65536 False True 240ac4000110 1.2"}


def until(peer, end, got=b""):
    while not got.endswith(end):
        byte = peer.recv(1)
        if not byte:
            raise OSError
        got += byte


def flood(peer, data):
    while True:
        peer.sendall(data * 512)


def answer(peer):
    runs = 0
    until(peer, b"\x01")
    peer.sendall(b"raw REPL; CTRL-B to exit\r\n>")
    while True:
        until(peer, b"\x05A\x01")
        peer.sendall(b"R\x01" + (b"\0\0" if mode == "nowindow" else b"\xff\xff"))
        if mode == "window":
            flood(peer, b"\x01")
        until(peer, b"\x04")
        runs += 1
        if mode == "closing":
            return
        peer.sendall(b"\x04")
        if mode == "endless":
            flood(peer, b"a")
        peer.sendall((INFO.get(mode, b"") if runs > 1 else b"") + b"\x04" +
                     (b"\r\n" if mode == "wordless" else b"") + b"\x04>")


while True:
    connection = listener.accept()[0]
    try:
        if mode == "mute":
            until(connection, b"never")
        answer(connection)
    except OSError:
        pass
    connection.close()
