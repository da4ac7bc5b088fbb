"""espota monitor as somebody at a terminal uses it: monitor_keys.py ESPOTA PORT_WITH_LINES TCP_PORT. Prints TAP lines."""
import os
import pty
import re
import select
import signal
import socket
import sys
import termios
import time

espota, remote, uart = sys.argv[1:]
environment = dict(os.environ, TERM="xterm")
environment.pop("NO_COLOR", None)


class Session:
    """espota monitor with a terminal of its own."""

    def __init__(self, *arguments):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            for fd in 0, 1, 2:
                os.dup2(self.slave, fd)
            os.execve(espota, [espota, "monitor", *arguments], environment)

    def wait(self, pattern, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.seen, re.S)
            if found:
                self.seen = self.seen[found.end() :]
                return True
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += os.read(self.master, 65536)
        return False

    def type(self, keys):
        os.write(self.master, keys)

    def status(self, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.master], [], [], 0.02)[0]:
                self.seen += os.read(self.master, 65536)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None

    def restored(self):
        return termios.tcgetattr(self.slave) == self.before


def check(name, good, *more):
    print(("ok - " if good else "not ok - ") + name)
    if not good:
        for text in more:
            print("# " + repr(text))
    sys.stdout.flush()


# ---- the menu
s = Session("--port", remote)
check("a terminal is told how to leave, and of help", s.wait(rb"Console of .*Ctrl-\] ends it, Ctrl-T h helps"), s.seen)
s.type(b"\x14h")
check("help", s.wait(rb"--- espota monitor: Ctrl-\] leaves.*r  restart the device.*send that key"), s.seen)
s.type(b"\x14\x12")
check("the reset key", s.wait(rb"rst:0x1 \(POWERON_RESET\).*runs from"), s.seen)
s.type(b"\x14p")
check("the download-mode key", s.wait(rb"restarted into download mode"), s.seen)
s.type(b"\x14y")
check("pause", s.wait(rb"--- paused"), s.seen)
s.type(b"\x14y")
check("and on", s.wait(rb"--- going on; \d+ lines were not shown"), s.seen)
s.type(b"\x14y")
s.wait(rb"--- paused")
s.type(b"\x14r")
check("a reset ends the pause", s.wait(rb"\x1b\[32mI \(\d+\) boot: Partition Table:\x1b\[0m"), s.seen)
s.wait(rb"runs from")
s.type(b"\x14i\x14r")
check("the key for the time", s.wait(rb"lines begin with the time.*\n\[ *\d+\.\d{3}\] rst:0x1"), s.seen)
s.type(b"\x14f")
check("no filter, no key for it", s.wait(rb"there is no filter"), s.seen)
s.type(b"\x14z")
check("a key that is none", s.wait(rb"no such key"), s.seen)
s.type(b"\x14l")
check("a log by key", s.wait(rb"the log is written to espota-\d{8}-\d{6}\.log"), s.seen)
s.type(b"\x14l")
check("and no more", s.wait(rb"no more is written to espota-"), s.seen)
s.type(b"\x1d")
check("Ctrl-] leaves", s.status() == 0, s.seen)
check("and the terminal is as it was", s.restored())

# ---- other keys, and signals
s = Session("--port", remote, "--exit-key", "x", "--menu-key", "none", "-q")
s.type(b"\x1d\x14x")
time.sleep(0.3)
s.type(b"\x18")
check("another key to leave", s.status() == 0, s.seen)
for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
    s = Session("--port", remote)
    s.wait(rb"Console of")
    os.kill(s.pid, number)
    check(f"after {number.name} the terminal is as it was", s.status() == -number and s.restored(), s.seen)

# ---- what a device gets, and what it may do to a terminal
listener = socket.create_server(("127.0.0.1", 0))
port = f"tcp://127.0.0.1:{listener.getsockname()[1]}"


def device(*arguments):
    session = Session("--port", port, *arguments)
    connection, _ = listener.accept()
    connection.settimeout(10)
    session.wait(rb"Console of")
    return session, connection


def received(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            break
        data += more
    return data


s, d = device()
s.type(b"a\x03\r\x14\x14\x14\x1dz")
check("keys reach the device: Ctrl-C, Enter, and ours by the menu key", received(d, 6) == b"a\x03\r\x14\x1dz")
d.sendall(b">>> prin\b\x1b[K\x1b[1D\x1b[6n\r>>> x\x1b]0;title\a\x1b[?1049h\x1b[c\x1b[?25l!\r\n")
check("line editing works", s.wait(rb">>> prin\x08\x1b\[K\x1b\[1D\x1b\[6n\r>>> x\x1b\[\?25l!"), s.seen)
s.type(b"\x1d")
check("the cursor is shown again at the end", s.status() == 0 and b"\x1b[?25h" in s.seen, s.seen)
check("nothing else gets through", b"title" not in s.seen and b"1049" not in s.seen and b"\x1b[c" not in s.seen, s.seen)
d.close()

s, d = device("--eol", "CRLF")
s.type(b"a\rb")
check("--eol CRLF", received(d, 4) == b"a\r\nb")
s.type(b"\x1d")
s.status()
d.close()
s, d = device("--eol", "lf")
s.type(b"a\rb")
check("--eol LF", received(d, 3) == b"a\nb")
s.type(b"\x14x")
check("x in the menu leaves", s.status() == 0)
d.close()

s, d = device("--print-filter", "app")
d.sendall(b"I (1) wifi: a\r\nI (2) app: b\r\n")
check("a filter", s.wait(rb"app: b") and b"wifi" not in s.seen, s.seen)
s.type(b"\x14f")
s.wait(rb"all lines are shown")
d.sendall(b"I (3) wifi: c\r\n")
check("is switched off by a key", s.wait(rb"wifi: c"), s.seen)
s.type(b"\x14r")
check("no lines, no reset", s.wait(rb"no DTR and RTS lines"), s.seen)
s.type(b"\x1d")
s.status()
