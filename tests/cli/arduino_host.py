#!/usr/bin/env python3
"""A host for ArduinoOTA, as espota.py of arduino-esp32 3.3 behaves: 1024 bytes at a time, each acknowledged before the next.
Usage: arduino_host.py PORT FILE [--auth PASSWORD] [--md5] [--spiffs] [--cut BYTES] [--wrong-md5] [--size N]"""
import argparse
import hashlib
import socket
import sys

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("file")
parser.add_argument("--auth", default="")
parser.add_argument("--md5", action="store_true")
parser.add_argument("--spiffs", action="store_true")
parser.add_argument("--cut", type=int)
parser.add_argument("--wrong-md5", action="store_true")
parser.add_argument("--size", type=int)
options = parser.parse_args()
image = open(options.file, "rb").read()
device = ("127.0.0.1", options.port)


def ask(message):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(10)
    udp.sendto(message.encode(), device)
    return udp.recv(128).decode()


def digest(kind, text):
    return hashlib.new(kind, text.encode()).hexdigest()


def proof(nonce):
    kind = "md5" if len(nonce) == 32 else "sha256"
    cnonce = digest(kind, "any text")
    key = digest("md5" if options.md5 else kind, options.auth)
    if kind == "sha256":
        key = hashlib.pbkdf2_hmac(kind, key.encode(), (nonce + ":" + cnonce).encode(), 10000).hex()
    return "200 %s %s\n" % (cnonce, digest(kind, key + ":" + nonce + ":" + cnonce))


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(1)
listener.settimeout(3)
md5 = "0" * 32 if options.wrong_md5 else hashlib.md5(image).hexdigest()
size = len(image) if options.size is None else options.size
answer = ask("%d %d %d %s\n" % (100 if options.spiffs else 0, listener.getsockname()[1], size, md5))
if answer.startswith("AUTH "):
    print("challenge of %d digits" % len(answer[5:]))
    answer = ask(proof(answer[5:]))
print(answer)
if answer != "OK":
    sys.exit(1)
try:
    connection, _ = listener.accept()
except TimeoutError:
    sys.exit("it does not connect")
connection.settimeout(10)
said = ""
for at in range(0, len(image), 1024):
    connection.sendall(image[at : at + 1024])
    if options.cut and at > options.cut:
        connection.close()
        sys.exit("cut")
    said = connection.recv(10).decode()
while True:
    more = connection.recv(32).decode()
    if not more:
        break
    said = more if said.isdigit() else said + more
print(said.strip())
sys.exit(0 if "OK" in said else 1)
