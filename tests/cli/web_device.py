"""A device with a web page that takes images, as its firmware has it: HTTPUpdateServer of arduino-esp32, ElegantOTA 2 and 3,
Tasmota. Prints its port. What it took goes into --out, what it was asked into --log."""

import argparse
import base64
import gzip
import hashlib
import http.server
import os
import re
import time

parser = argparse.ArgumentParser()
parser.add_argument("kind", choices=["update-server", "elegant2", "elegant3", "tasmota", "router"])
parser.add_argument("--out", default="taken")
parser.add_argument("--log", default="web.log")
parser.add_argument("--user", default="admin")
parser.add_argument("--password")
parser.add_argument("--digest", action="store_true")
parser.add_argument("--fault", choices=["refuse", "cut", "silent", "huge", "strange", "escape"])
parser.add_argument("--away", type=float, default=0, help="seconds that its restart takes")
options = parser.parse_args()
NONCE = os.urandom(8).hex()
announced = {}
restarted = [0.0]

PAGES = {
    "update-server": "<form method='POST' action='' enctype='multipart/form-data'>Firmware:<br>"
                     "<input type='file' accept='.bin,.bin.gz' name='firmware'><input type='submit'></form>"
                     "<form method='POST' action='' enctype='multipart/form-data'><input type='file' name='filesystem'></form>",
    "elegant2": "<!doctype html><title>ElegantOTA</title><script>var a=1</script>",
    "elegant3": "<!doctype html><title>ElegantOTA</title><script>var a=1</script>",
    "tasmota": "<fieldset><legend><b>&nbsp;Upgrade by file upload&nbsp;</b></legend>"
               "<form method='post' action='u2?fsz=' enctype='multipart/form-data'><br><input type='file' name='u2'><br></form>",
    "router": "<html><form action='/login'><input name='user'><input type='password' name='firmwarepassword'></form></html>",
}


def log(text):
    with open(options.log, "a", encoding="utf-8") as file:
        file.write(text + "\n")


def parts(content_type, body):
    """Of multipart/form-data: name, file name, bytes; in order."""
    boundary = re.search(r"boundary=([^;\s]+)", content_type).group(1).encode()
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, data = part[2:-2].partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head).group(1).decode()
        file = re.search(rb'filename="([^"]*)"', head)
        yield name, file and file.group(1).decode(), data


class Device(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, text, kind="text/html", headers=()):
        data = text.encode()
        if kind == "gzip":
            data, kind, headers = gzip.compress(data), "text/html", [("Content-Encoding", "gzip")]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def let_in(self):
        given = self.headers.get("Authorization", "")
        if options.password is None:
            return True
        if options.digest:
            f = dict(re.findall(r'(\w+)="?([^",]+)"?', given))
            md5 = lambda t: hashlib.md5(t.encode()).hexdigest()
            a1 = md5(f"{options.user}:device:{options.password}")
            want = md5(":".join([a1, NONCE, f.get("nc", ""), f.get("cnonce", ""), "auth", md5(f"{self.command}:{self.path}")]))
            good, challenge = f.get("response") == want, f'Digest realm="device", qop="auth", nonce="{NONCE}", opaque="1"'
        else:
            want = "Basic " + base64.b64encode(f"{options.user}:{options.password}".encode()).decode()
            good, challenge = given == want, 'Basic realm="device"'
        if not good:
            self.answer(401, "Unauthorized", headers=[("WWW-Authenticate", challenge)])
        return good

    def away(self):
        if time.monotonic() < restarted[0]:
            self.close_connection = True
            self.connection.close()
            return True
        return False

    def do_GET(self):
        log(f"GET {self.path}")
        if self.away() or not self.let_in():
            return
        kind, path = options.kind, self.path.partition("?")[0]
        if path == ("/up" if kind == "tasmota" else "/update"):
            if options.fault == "huge":
                self.answer(200, "x" * 400000)
            else:
                self.answer(200, PAGES[kind], "gzip" if kind.startswith("elegant") else "text/html")
        elif path == "/update/identity" and kind == "elegant2":
            self.answer(200, '{"id": 1234, "hardware": "ESP32"}', "application/json")
        elif path == "/ota/start" and kind == "elegant3":
            announced.update(re.findall(r"(\w+)=(\w+)", self.path))
            self.answer(*((400, "ERROR[1]: no room") if options.fault == "refuse" else (200, "OK")), "text/plain")
        else:
            self.answer(404, "Not found: " + self.path)

    def take(self, kind, fields):
        """What the firmware answers; the image when it takes one."""
        files = [(name, data) for name, file, data in fields if file]
        name, image = files[0] if files else ("", b"")
        files_of_its_own = name == "filesystem" or announced.get("mode") == "fs"
        refused = options.fault == "refuse" or (image[:1] != b"\xe9" and not files_of_its_own)
        if kind == "update-server":
            if self.headers.get("Origin") != "http://" + self.headers["Host"]:
                return 200, "Update error: Wrong origin received!", None
            if name not in ("firmware", "filesystem") or refused:
                return 200, "Update error: ERROR[9]: Wrong Magic Byte", None
            return 200, '<META http-equiv="refresh" content="15;URL=/">Update Success! Rebooting...', image
        if kind == "tasmota":
            good = name == "u2" and not refused and f"fsz={len(image)}" in self.path and "://" + self.headers["Host"] in self.headers.get("Referer", "")
            result = "<font color='#080'>Successful" if good else "<font color='#f00'>Failed</font></b><br><br>Magic byte is not 0xE9"
            return 200, f"<script>var x='Failed to load';</script><div><b>Upload {result}</font></b></div>", image if good else None
        md5 = hashlib.md5(image).hexdigest()
        if kind == "elegant2":
            if fields[0][0] != "MD5":
                return 400, "MD5 parameter missing", None
            good = fields[0][2].decode() == md5 and name in ("firmware", "filesystem") and not refused
            return 200, "OK" if good else "FAIL", image if good else None
        good = announced.get("hash") == md5 and name == "file" and not refused
        return (200, "OK", image) if good else (400, "ERROR[7]: MD5 Check Failed", None)

    def do_POST(self):
        log(f"POST {self.path} Expect={self.headers.get('Expect')} length={self.headers['Content-Length']}")
        if self.headers["Content-Length"] == "0":
            self.let_in()
            return
        if options.fault == "cut":
            self.rfile.read(20000)
            self.connection.close()
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.let_in():
            return
        target = {"update-server": "/update", "elegant2": "/update", "elegant3": "/ota/upload", "tasmota": "/u2"}[options.kind]
        if self.path.partition("?")[0] != target:
            self.answer(404, "Not found: " + self.path)
            return
        status, text, image = self.take(options.kind, list(parts(self.headers["Content-Type"], body)))
        if image is not None:
            with open(options.out, "wb") as file:
                file.write(image)
        log(f"took {image is not None}: {text}")
        if options.fault == "silent":
            self.connection.close()
            self.close_connection = True
            return
        if options.fault == "strange":
            status, text = 200, "<b>Hochladen</b> <i>erfolgreich</i>"
        if options.fault == "escape":
            status, text = 500, "\x1b]0;owned\x07<b>no\x1b[2J</b>"
        self.answer(status, text, "text/plain" if options.kind.startswith("elegant") else "text/html")
        restarted[0] = time.monotonic() + options.away


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Device)
print(server.server_port, flush=True)
server.serve_forever()
