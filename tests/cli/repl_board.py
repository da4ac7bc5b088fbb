# A board that runs MicroPython, as far as its raw REPL and the modules that espota uses go: Python runs the code that comes, on the
# flash in a file. On a pseudo-terminal, whose path it prints, or with --tcp on a free port of the loopback interface.
# Usage: repl_board.py FLASH [--tcp] [--no-paste] [--no-zlib] [--no-esp] [--encrypted] [--noise] [--slow] [--counts FILE]
import contextlib
import hashlib
import io
import os
import pty
import socket
import sys
import time
import traceback
import tty
import types

flags = set(sys.argv[2:])
counts = {"erased": 0, "written": 0, "read": 0}
flash = open(sys.argv[1], "r+b", buffering=0)
SIZE = os.path.getsize(sys.argv[1])


def partitions():
    flash.seek(0x8000)
    table = flash.read(0xC00)
    for at in range(0, len(table), 32):
        e = table[at:at + 32]
        if e[:2] == b"\xaa\x50":
            yield (e[2], e[3], int.from_bytes(e[4:8], "little"), int.from_bytes(e[8:12], "little"),
                   e[12:28].rstrip(b"\0").decode(), "--encrypted" in flags)


def running():  # as the bootloader chose; this board has two OTA slots
    apps = [p for p in partitions() if p[0] == 0 and p[1] >= 0x10]
    otadata = next(p for p in partitions() if p[:2] == (1, 0))
    best = 0
    for sector in range(2):
        flash.seek(otadata[2] + 4096 * sector)
        record = flash.read(32)
        number, verdict = int.from_bytes(record[:4], "little"), int.from_bytes(record[24:28], "little")
        if number != 0xFFFFFFFF and verdict not in (3, 4):  # invalid, aborted
            best = max(best, number)
    return apps[(best - 1) % len(apps)] if best else apps[0]


def module(name, **names):
    m = types.ModuleType(name)
    m.__dict__.update(names)
    sys.modules[name] = m


def flash_read(offset, buffer):
    counts["read"] += len(buffer)
    flash.seek(offset)
    buffer[:] = flash.read(len(buffer))


def flash_erase(sector):
    counts["erased"] += 1
    if "--slow" in flags:
        time.sleep(0.2)
    flash.seek(4096 * sector)
    flash.write(b"\xff" * 4096)


def flash_write(offset, data):
    counts["written"] += len(data)
    assert len(data) <= 4096
    flash.seek(offset)
    old = flash.read(len(data))
    flash.seek(offset)
    flash.write(bytes(a & b for a, b in zip(old, data)))


class Partition:
    RUNNING = 1

    def __init__(self, _):
        self.p = state["running"]

    def info(self):
        return self.p


class Reset(Exception):
    pass


def reset():
    raise Reset


def install():
    module("machine", reset=reset, unique_id=lambda: bytes.fromhex("240ac4000110"))
    module("esp32", Partition=Partition)
    if "--no-esp" not in flags:
        module("esp", flash_read=flash_read, flash_erase=flash_erase, flash_write=flash_write, flash_size=lambda: SIZE)
    if "--no-zlib" in flags:
        module("zlib")


state = {"running": running(), "names": {}}
install()


class Port:
    def __init__(self):
        if "--tcp" in flags:
            self.listener = socket.socket()
            self.listener.bind(("127.0.0.1", 0))
            self.listener.listen(1)
            print(f"tcp://127.0.0.1:{self.listener.getsockname()[1]}", flush=True)
            self.peer = None
        else:
            self.fd, self.other = pty.openpty()
            tty.setraw(self.fd)
            print(os.ttyname(self.other), flush=True)

    def read(self):
        if "--tcp" not in flags:
            return os.read(self.fd, 1)
        while True:
            if not self.peer:
                self.peer = self.listener.accept()[0]
            byte = self.peer.recv(1)
            if byte:
                return byte
            self.peer.close()
            self.peer = None

    def write(self, data):
        try:
            os.write(self.fd, data) if "--tcp" not in flags else self.peer.sendall(data)
        except (OSError, AttributeError):  # nobody is there
            pass


port = Port()
GREETING = b"raw REPL; CTRL-B to exit\r\n"


def run(code):
    """What it printed, and what it raised."""
    out, error = io.StringIO(), ""
    if "--noise" in flags:
        out.write("tick\n")
    with contextlib.redirect_stdout(out):
        try:
            exec(compile(code, "<stdin>", "exec"), state["names"])
        except Reset:
            raise
        except BaseException:
            error = traceback.format_exc()
    if "--counts" in flags:
        with open(sys.argv[-1], "w") as f:
            f.write(" ".join(f"{k}={v}" for k, v in counts.items()) + "\n")
    return out.getvalue().replace("\n", "\r\n").encode() + b"\x04" + error.replace("\n", "\r\n").encode() + b"\x04>"


def paste():
    """Raw paste: a window of 128 bytes."""
    port.write(b"R\x01\x80\x00")
    code, room = b"", 128
    while (byte := port.read()) != b"\x04":
        code += byte
        room -= 1
        if room == 64:
            port.write(b"\x01")
            room += 128
    port.write(b"\x04")
    return code


def raw():
    port.write(GREETING + b">")
    code = b""
    while True:
        byte = port.read()
        if byte == b"\x05" and not code and "--no-paste" not in flags:
            if port.read() + port.read() == b"A\x01":
                port.write(run(paste()))
        elif byte == b"\x01":
            port.write(GREETING + b">")
            code = b""
        elif byte == b"\x02":
            return
        elif byte == b"\x03":
            code = b""
        elif byte == b"\x04" and not code:
            state["names"] = {}
            port.write(b"OK\r\nMPY: soft reboot\r\n" + GREETING + b">")
        elif byte == b"\x04":
            port.write(b"OK")
            port.write(run(code))
            code = b""
        else:
            code += byte


while True:
    try:
        byte = port.read()
        if byte == b"\x01":
            raw()
        if byte in b"\x01\x02\x03\r":
            port.write(b"\r\nMicroPython\r\n>>> ")
        elif byte == b"\x04":
            port.write(b"\r\nMPY: soft reboot\r\n>>> ")
            state["names"] = {}
    except Reset:
        state["running"], state["names"] = running(), {}
        port.write(b"\r\nrst:0xc (SW_CPU_RESET)\r\n>>> ")
