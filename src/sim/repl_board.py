# The board of 'espota sim --repl': MicroPython as far as its raw REPL, its WebREPL and the modules for flash and files go. CPython
# runs what comes. Usage: FLASH LIKE STATUS-FD PTY-FD TCP-FD WEB-FD (-1: none); the WebREPL's password is in WEBREPL_PASSWORD.
import base64, binascii, builtins, contextlib, hashlib, io, os, select, signal, socket, sys, time, traceback, types, zlib

path, like = sys.argv[1], sys.argv[2]
status_fd, pty_fd, tcp_fd, web_fd = map(int, sys.argv[3:7])
password = os.environ.get("WEBREPL_PASSWORD", "").encode()
flash = open(path, "r+b", buffering=0)
SIZE = os.path.getsize(path)
SECTOR = 4096
counts = {"erased": 0, "written": 0, "read": 0}


class Reset(Exception):
    pass


def log(text):
    with contextlib.suppress(OSError):
        os.write(2, text.encode() + b"\n")


# ---- flash

def read(offset, length):
    flash.seek(offset)
    return flash.read(length)


def flash_read(offset, buffer):
    counts["read"] += len(buffer)
    data = read(offset, len(buffer))
    if len(data) != len(buffer):
        raise OSError(5)
    buffer[:] = data


def flash_erase(sector):
    if not 0 <= sector < SIZE // SECTOR:
        raise OSError(5)
    counts["erased"] += 1
    if like == "slow":
        time.sleep(0.2)
    flash.seek(SECTOR * sector)
    flash.write(b"\xff" * SECTOR)


def flash_write(offset, data):
    if offset + len(data) > SIZE:
        raise OSError(5)
    counts["written"] += len(data)
    old = read(offset, len(data))
    flash.seek(offset)
    flash.write(bytes(a & b for a, b in zip(old, bytes(data))))


def partitions():
    table = read(0x8000, 0xC00)
    for at in range(0, len(table), 32):
        e = table[at:at + 32]
        if e[:2] == b"\xaa\x50":
            yield (e[2], e[3], int.from_bytes(e[4:8], "little"), int.from_bytes(e[8:12], "little"),
                   e[12:28].rstrip(b"\0").decode("ascii", "replace"), like == "encrypted")


def slots():
    return [p for p in partitions() if p[0] == 0 and 0x10 <= p[1] < 0x20]


def records():
    data = next((p for p in partitions() if p[:2] == (1, 0)), None)
    for sector in range(2) if data else ():
        r = read(data[2] + SECTOR * sector, 32)
        number, state = int.from_bytes(r[:4], "little"), int.from_bytes(r[24:28], "little")
        whole = zlib.crc32(r[:4], 0xFFFFFFFF) == int.from_bytes(r[28:32], "little")
        yield sector, number if whole and number != 0xFFFFFFFF and state not in (3, 4) else 0


def chosen():
    """As the bootloader does; None: nothing boots."""
    best, ota = max((n for _, n in records()), default=0), slots()
    factory = [p for p in partitions() if p[:2] == (0, 0)]
    order = ([ota[(best - 1) % len(ota)]] if best and ota else []) + factory + ota
    return next((p for p in order if read(p[2], 1) == b"\xe9"), None)


class Partition:
    BOOT, RUNNING, TYPE_APP, TYPE_DATA = 0, 1, 0, 1

    def __init__(self, which):
        named = [p for p in partitions() if p[4] == which]
        self.p = state["running"] if which == self.RUNNING else chosen() if which == self.BOOT else named[0] if named else None
        if not self.p:
            raise OSError(2)

    @classmethod
    def find(cls, type=0, subtype=255, label=None, block_size=SECTOR):
        return [cls(p[4]) for p in partitions()
                if p[0] == type and subtype in (255, p[1]) and label in (None, p[4])]

    def info(self):
        return self.p

    def readblocks(self, block, buffer, offset=0):
        flash_read(self.p[2] + SECTOR * block + offset, memoryview(buffer))

    def writeblocks(self, block, buffer, offset=None):
        if offset is None:
            for i in range(len(buffer) // SECTOR):
                flash_erase((self.p[2] + SECTOR * block) // SECTOR + i)
        flash_write(self.p[2] + SECTOR * block + (offset or 0), buffer)

    def ioctl(self, what, block=0):
        if what == 4:
            return self.p[3] // SECTOR
        if what == 5:
            return SECTOR
        if what == 6:
            flash_erase(self.p[2] // SECTOR + block)
        return 0

    def get_next_update(self):
        ota = slots()
        return Partition(ota[(ota.index(self.p) + 1) % len(ota) if self.p in ota else 0][4])

    def set_boot(self):
        ota = slots()
        data = next(p for p in partitions() if p[:2] == (1, 0))
        now = sorted(records(), key=lambda r: r[1])
        number = now[1][1] + 1
        while (number - 1) % len(ota) != ota.index(self.p):
            number += 1
        at, text = data[2] + SECTOR * now[0][0], number.to_bytes(4, "little")
        flash_erase(at // SECTOR)
        flash_write(at, text + b"\xff" * 24 + zlib.crc32(text, 0xFFFFFFFF).to_bytes(4, "little"))

    @staticmethod
    def mark_app_valid_cancel_rollback():
        pass


# ---- files, in memory: gone with a reset

files = {"/": None}  # None: a folder


def full(name):
    parts = []
    for part in (name if name.startswith("/") else state["folder"] + "/" + name).split("/"):
        parts = parts[:-1] if part == ".." else parts + [part] if part not in ("", ".") else parts
    return "/" + "/".join(parts)


def there(name):
    if full(name) not in files:
        raise OSError(2, "ENOENT")
    return full(name)


def ilistdir(name="."):
    top = there(name).rstrip("/") + "/"
    return iter([(f[len(top):], 0x4000 if c is None else 0x8000, 0, len(c or b"")) for f, c in sorted(files.items())
                 if f != "/" and f.startswith(top) and "/" not in f[len(top):]])


def stat(name):
    content = files[there(name)]
    return (0x4000 if content is None else 0x8000, 0, 0, 0, 0, 0, len(content or b""), 0, 0, 0)


def mkdir(name):
    if full(name) in files:
        raise OSError(17, "EEXIST")
    there(full(name).rsplit("/", 1)[0] or "/")
    files[full(name)] = None


def remove(name):
    if list(ilistdir(name)) if files[there(name)] is None else False:
        raise OSError(39, "ENOTEMPTY")
    del files[there(name)]


def rename(old, new):
    files[full(new)] = files.pop(there(old))


def chdir(name):
    state["folder"] = there(name)


class File(io.BytesIO):
    def __init__(self, name, writes, content):
        super().__init__(content)
        self.name, self.writes = name, writes

    def close(self):
        if self.writes and not self.closed:
            files[self.name] = self.getvalue()
        super().close()


def board_open(name, mode="r"):
    writes = "w" in mode or "a" in mode or "+" in mode
    content = b"" if "w" in mode else files.get(full(name)) if "a" in mode else files[there(name)]
    if writes:
        there(full(name).rsplit("/", 1)[0] or "/")
    file = File(full(name), writes, content or b"")
    if "a" in mode:
        file.seek(0, 2)
    return file if "b" in mode else io.TextIOWrapper(file, "utf-8", newline="")


# ---- modules

def reset():
    raise Reset


class DeflateIO:
    def __init__(self, stream, form=0, *_):
        self.read = lambda: zlib.decompress(stream.read(), {1: -15, 2: 15, 3: 31}.get(form, 47))


def module(name, **names):
    m = types.ModuleType(name)
    m.__dict__.update(names)
    return m


uname = types.SimpleNamespace(sysname="esp32", nodename="esp32", release="1.26.1", version="v1.26.1 (simulated)",
                              machine="Generic ESP32 module with ESP32")
BORROWED = ("binascii", "hashlib", "json", "math", "random", "re", "struct", "time")
modules = {name: __import__(name) for name in BORROWED}
modules.update(
    sys=module("sys", implementation=types.SimpleNamespace(name="micropython", version=(1, 26, 1, ""), _mpy=11014),
               platform="esp32", version="3.4.0; MicroPython v1.26.1", path=["", "/lib"], modules={}, byteorder="little",
               maxsize=2147483647, stdin=None, print_exception=lambda e, f=None: traceback.print_exception(e)),
    os=module("os", ilistdir=ilistdir, listdir=lambda name=".": [f[0] for f in ilistdir(name)], stat=stat, mkdir=mkdir, remove=remove,
              unlink=remove, rmdir=remove, rename=rename, chdir=chdir, getcwd=lambda: state["folder"], uname=lambda: uname,
              statvfs=lambda _: (4096, 4096, 512, 400, 400, 0, 0, 0, 0, 255), urandom=os.urandom, sync=lambda: None),
    io=module("io", BytesIO=io.BytesIO, StringIO=io.StringIO, open=board_open),
    gc=module("gc", collect=lambda: 0, mem_free=lambda: 100000, mem_alloc=lambda: 10000, enable=lambda: None, disable=lambda: None),
    micropython=module("micropython", const=lambda x: x, kbd_intr=lambda _: None, mem_info=lambda *_: None),
    machine=module("machine", reset=reset, soft_reset=reset, unique_id=lambda: bytes.fromhex("240ac4000110"), freq=lambda: 160000000),
    esp32=module("esp32", Partition=Partition),
    esp=module("esp", flash_read=flash_read, flash_erase=flash_erase, flash_write=flash_write, flash_size=lambda: SIZE),
    deflate=module("deflate", DeflateIO=DeflateIO, AUTO=0, RAW=1, ZLIB=2, GZIP=3))
if like == "lies":
    modules["hashlib"] = module("hashlib", sha256=lambda data=b"": hashlib.sha256(b"a lie" + bytes(data)))
if like == "no-esp":
    del modules["esp"]
if like == "old":
    del modules["deflate"]


def board_import(name, names=None, local=None, items=(), level=0):
    if name not in modules:
        raise ImportError(f"no module named '{name}'")
    return modules[name]


def fresh_names():
    made = dict(builtins.__dict__)
    made.update(__import__=board_import, open=board_open)
    return {"__name__": "__main__", "__builtins__": made}


# ---- the ways to the REPL: what comes by any of them is typed, what is printed goes to all

class Web:
    """A caller of the WebREPL."""

    def __init__(self, peer):
        self.peer, self.raw, self.word, self.inside = peer, b"", b"", False
        peer.settimeout(5)

    def greet(self):
        head = b""
        while b"\r\n\r\n" not in head:
            got = self.peer.recv(1024)
            if not got or len(head) > 4096:
                return False
            head += got
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        key = {k.lower(): v for k, v in fields.items()}.get(b"sec-websocket-key")
        if not key:
            self.peer.sendall(b"HTTP/1.0 200 OK\r\n\r\n<html>WebREPL</html>\r\n")
            return False
        proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self.peer.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n")
        return True

    def send(self, data):
        for at in range(0, len(data), 1024):
            part = data[at:at + 1024]
            head = bytes([0x81, len(part)]) if len(part) < 126 else b"\x81\x7e" + len(part).to_bytes(2, "big")
            self.peer.sendall(head + part)

    def frames(self):
        """What whole frames hold; None: it is over."""
        text, got = b"", self.peer.recv(4096)
        self.raw += got
        if not got:
            return None
        while len(self.raw) >= 6:
            size, at = self.raw[1] & 0x7F, 2
            if size == 127 or self.raw[0] & 0x0F == 8:
                return None
            if size == 126:
                size, at = int.from_bytes(self.raw[2:4], "big"), 4
            if len(self.raw) < at + 4 + size:
                break
            mask, body, opcode = self.raw[at:at + 4], self.raw[at + 4:at + 4 + size], self.raw[0] & 0x0F
            self.raw = self.raw[at + 4 + size:]
            if opcode < 8:
                text += bytes(b ^ mask[i & 3] for i, b in enumerate(body))
        return text

    def typed(self):
        text = self.frames()
        while text and not self.inside:
            byte, text = text[:1], text[1:]
            if byte not in b"\r\n":
                self.word = (self.word + byte)[:10]
                continue
            if self.word != password:
                self.send(b"\r\nAccess denied\r\n")
                return None
            self.inside = True
            self.send(b"\r\nWebREPL connected\r\n>>> ")
        return text


class Terminal:
    def __init__(self):
        self.typed, self.tcp, self.web = b"", None, None
        self.listeners = [socket.socket(fileno=fd) if fd >= 0 else None for fd in (tcp_fd, web_fd)]
        if pty_fd >= 0:
            os.set_blocking(pty_fd, False)

    def drop_callers(self):
        for peer in (self.tcp, self.web and self.web.peer):
            if peer:
                peer.close()
        self.tcp = self.web = None
        self.typed = b""

    def accept_tcp(self):
        if self.tcp:
            self.tcp.close()
        self.tcp = self.listeners[0].accept()[0]
        self.tcp.settimeout(5)

    def accept_web(self):
        caller = Web(self.listeners[1].accept()[0])
        try:
            if not caller.greet() or self.web:  # one at a time
                caller.peer.close()
                return
            self.web = caller
            caller.send(b"Password: ")
        except OSError:
            self.end_web()

    def end_web(self):
        if self.web:
            self.web.peer.close()
        self.web = None

    def take_tcp(self):
        try:
            got = self.tcp.recv(4096)
        except OSError:
            got = b""
        if not got:
            self.tcp.close()
            self.tcp = None
        self.typed += got

    def take_web(self):
        try:
            got = self.web.typed()
        except OSError:
            got = None
        if got is None:
            self.end_web()
        self.typed += got or b""

    def take_pty(self):
        with contextlib.suppress(OSError):
            self.typed += os.read(pty_fd, 4096)

    def wait(self):
        ways = [(pty_fd if pty_fd >= 0 else None, self.take_pty), (self.listeners[0], self.accept_tcp), (self.tcp, self.take_tcp),
                (self.listeners[1], self.accept_web), (self.web and self.web.peer, self.take_web)]
        ways = [(fd, take) for fd, take in ways if fd is not None]
        ready = select.select([fd for fd, _ in ways], [], [])[0]
        for fd, take in ways:
            if fd in ready and (isinstance(fd, int) or fd.fileno() >= 0):
                take()

    def read(self):
        while not self.typed:
            self.wait()
        byte, self.typed = self.typed[:1], self.typed[1:]
        return byte

    def write(self, data):
        left = data if pty_fd >= 0 else b""
        while left:  # as a wire that ends nowhere
            try:
                left = left[os.write(pty_fd, left):]
            except OSError:
                if not select.select([], [pty_fd], [], 1)[1]:
                    break
        with contextlib.suppress(OSError):
            if self.tcp:
                self.tcp.sendall(data)
        try:
            if self.web and self.web.inside:
                self.web.send(data)
        except OSError:
            self.end_web()


# ---- the REPL

GREETING = b"raw REPL; CTRL-B to exit\r\n"
BANNER = b"\r\nMicroPython v1.26.1 (simulated); Generic ESP32 module with ESP32\r\nType \"help()\" for more information.\r\n>>> "


def run(code):
    """What it printed, and what it raised."""
    out, error, before = io.StringIO(), "", dict(counts)
    if like == "chatty":
        out.write("tick\n")
    with contextlib.redirect_stdout(out):
        try:
            exec(compile(code, "<stdin>", "exec"), state["names"])
        except Reset:
            raise
        except BaseException as e:
            error = "".join(traceback.format_exception(type(e), e, e.__traceback__.tb_next))
    if counts["erased"] != before["erased"] or counts["written"] != before["written"]:
        log("flash: " + " ".join(f"{k}={v}" for k, v in counts.items()))
    return out.getvalue().replace("\n", "\r\n").encode() + b"\x04" + error.replace("\n", "\r\n").encode() + b"\x04>"


def paste():
    """Raw paste: a window of 128 bytes, two of them at first."""
    terminal.write(b"R\x01\x80\x00\x01")
    code, room = b"", 128
    while (byte := terminal.read()) not in b"\x03\x04":
        code += byte
        room -= 1
        if room == 0:
            terminal.write(b"\x01")
            room = 128
    terminal.write(b"\x04")
    return code if byte == b"\x04" else b"raise KeyboardInterrupt"


def raw():
    terminal.write(GREETING + b">")
    code = b""
    while True:
        byte = terminal.read()
        if byte == b"\x05" and not code and like != "old":
            if terminal.read() == b"A" and terminal.read() == b"\x01":
                terminal.write(run(paste()))
            else:
                terminal.write(b"R\x00")
        elif byte == b"\x01":
            terminal.write(GREETING + b">")
            code = b""
        elif byte == b"\x02":
            return
        elif byte == b"\x03":
            code = b""
        elif byte == b"\x04" and not code:
            soft_reset()
            terminal.write(b"OK\r\nMPY: soft reboot\r\n" + GREETING + b">")
        elif byte == b"\x04":
            terminal.write(b"OK")
            terminal.write(run(code))
            code = b""
        else:
            code += byte


def soft_reset():
    state.update(names=fresh_names(), folder="/")


def start():
    state["running"] = chosen()
    soft_reset()
    files.clear()
    files["/"] = None
    terminal.drop_callers()
    if state["running"]:
        log(f"app: '{state['running'][4]}' at 0x{state['running'][2]:x}")
    else:
        log("nothing boots: no partition table, or no app")
    return state["running"] is not None


def serve():
    while True:
        byte = terminal.read()
        if byte == b"\x01":
            raw()
            terminal.write(BANNER)
        elif byte == b"\x02":
            terminal.write(BANNER)
        elif byte in b"\x03\r":
            terminal.write(b"\r\n>>> ")
        elif byte == b"\x04":
            soft_reset()
            terminal.write(b"\r\nMPY: soft reboot\r\n>>> ")


state, terminal = {}, Terminal()
signal.signal(signal.SIGINT, signal.SIG_IGN)  # the simulator ends it
signal.signal(signal.SIGUSR1, lambda *_: reset())
up = start()
os.write(status_fd, b"up\n" if up else b"nothing boots\n")
os.close(status_fd)
while True:
    try:
        while not state["running"]:
            signal.pause()
        serve()
    except Reset:
        start()
        terminal.write(b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0xc (SW_CPU_RESET)\r\n" + BANNER)
