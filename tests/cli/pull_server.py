"""A server of images that tells the truth, or does not. Says its port; then everything in FOLDER can be had.

pull_server.py FOLDER LOG [--tls CERTIFICATE KEY] [--slow BYTES-A-SECOND] [FAULT...]: a fault is for paths that end in .bin
  cut:N      each connection ends after N bytes of the body      once:N    the first one does
  no-range   a part is never given                               no-etag   and nothing says what version it is
  shift:N    a part begins N bytes later than it says            lie       it says that it is another part than was asked for
  total      a part is of a longer file                          other     a part has another ETag
  flip       in parts, bytes are wrong                           no-length it does not say how long the file is
  gzip       it says that it is packed                           redirect  302 to the path without /moved
  away:URL   302 to URL                                          status:N  that status
  page       a page for people instead                           chunks   parts come in chunks, and the last one never
  drip       a head that never ends, a few bytes each 50 ms  flood    the same, as fast as it goes
  login:WHO  401 without WHO, "user:password"
  mumble     sidecars come in chunks that are none, without an end
  signed     302 to another path each time, which is good once, and until the next one is given out
"""

import base64, http.server, os, ssl, sys, threading, time

folder, log = sys.argv[1], sys.argv[2]
rest = sys.argv[3:]
tls = slow = None
if "--tls" in rest:
    at = rest.index("--tls")
    tls = rest[at + 1 : at + 3]
    del rest[at : at + 3]
if "--slow" in rest:
    at = rest.index("--slow")
    slow = int(rest[at + 1])
    del rest[at : at + 2]
given_out, signed = 0, None  # ways; the one that is good
asked_for = 0  # how often, with faults
faults = dict((f.split(":", 1) + [""])[:2] for f in rest)
lock = threading.Lock()
MOST = 40  # nobody asks a server with faults for ever


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, text):
        with lock, open(log, "a") as f:
            f.write(text + "\n")

    def refuse(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def sign(self, path):
        """The path that was meant, by a way that is good; None: it was said where to go, or that there is nothing."""
        global given_out, signed
        with lock:
            if path == signed:
                signed = None
                return path[path.index("/", 1) :]
            if path.startswith("/signed"):
                return self.refuse(403)
            given_out += 1
            signed = f"/signed{given_out}{path}"
            return self.refuse(302, Location=signed)

    def do_GET(self):
        path = self.path.split("?")[0]
        asked, fault = self.headers.get("Range"), path.endswith(".bin") and faults or {}
        self.note(f"{self.path} {asked or 'all'} {self.headers.get('If-Range', '')}")
        global asked_for
        with lock:
            asked_for += len(faults) > 0
        if asked_for > MOST:
            return self.refuse(404)
        if path.startswith("/moved") and "redirect" in fault:
            return self.refuse(302, Location=path.removeprefix("/moved"))
        if "signed" in fault:
            path = self.sign(path)
            if not path:
                return None
        if "away" in fault:
            return self.refuse(302, Location=fault["away"])
        if "status" in fault:
            return self.refuse(int(fault["status"]))
        try:
            with open(folder + path, "rb") as f:
                data = f.read()
        except OSError:
            return self.refuse(404)
        if "login" in fault and self.headers.get("Authorization") != "Basic " + base64.b64encode(faults["login"].encode()).decode():
            return self.refuse(401)
        if "drip" in fault or "flood" in fault:
            return self.go_on_for_ever("flood" in fault)
        if path.endswith(".md5") and "mumble" in faults:
            return self.go_on_for_ever(in_body=True)
        etag = '"%x-%x"' % (len(data), hash(data) & 0xFFFFFFFF)
        if "page" in fault:
            data = b"<!DOCTYPE html><html><body>Please log in.</body></html>" * 20
        first = 0
        if asked and "no-range" not in fault and self.headers.get("If-Range", etag) in (etag, ""):
            first = int(asked.removeprefix("bytes=").rstrip("-"))
            if first >= len(data):
                return self.refuse(416)
        part, said, total = data[first:], first, len(data)
        self.send_response(206 if first else 200)
        if first:
            if "shift" in fault:
                n = int(fault["shift"])
                part = data[first + n :] + b"\0" * n
            if "lie" in fault:
                said += 4096
            if "total" in fault:
                total += 100
            if "flip" in fault:
                part = bytes(b ^ 1 for b in part)
            if "other" in fault:
                etag = '"another"'
            self.send_header("Content-Range", f"bytes {said}-{total - 1}/{total}")
        chunks = first and "chunks" in fault
        if chunks:
            self.send_header("Transfer-Encoding", "chunked")
            self.close_connection = True
        elif "no-length" in fault:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(part)))
        if "gzip" in fault:
            self.send_header("Content-Encoding", "gzip")
        if "no-etag" not in fault:
            self.send_header("ETag", etag)
        self.end_headers()
        if chunks:
            self.wfile.write(b"%x\r\n" % len(part))
        self.send(part, fault)

    def go_on_for_ever(self, fast=False, in_body=False):
        self.close_connection = True
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            self.wfile.write(b"Transfer-Encoding: chunked\r\n\r\n" if in_body else b"X-Long: ")
            while True:
                self.wfile.write(b"zz" * (2048 if fast else 4))
                self.wfile.flush()
                if not fast:
                    time.sleep(0.05)
        except OSError:
            self.note("it hung up")

    def send(self, part, fault):
        limit = len(part)
        if "cut" in fault:
            limit = min(limit, int(fault["cut"]))
        elif "once" in fault:
            limit = min(limit, int(faults.pop("once")))
        chunk = min(4096, max(256, slow // 20)) if slow else 65536
        try:
            for at in range(0, limit, chunk):
                self.wfile.write(part[at : min(at + chunk, limit)])
                if slow:
                    time.sleep(chunk / slow)
            self.wfile.flush()
        except OSError:
            self.note("it hung up")
        if limit < len(part):
            self.note(f"cut after {limit}")
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Handler)
if tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
