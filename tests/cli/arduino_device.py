#!/usr/bin/env python3
"""A device with ArduinoOTA, as arduino-esp32's ArduinoOTA.cpp behaves: one message at a time, a state machine, the
client of the TCP connection. With --fault it is broken or hostile. Prints its UDP port; writes what it took to --out."""
import argparse
import hashlib
import os
import re
import socket
import sys
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("--out", required=True)
parser.add_argument("--log", required=True)
parser.add_argument("--password")
parser.add_argument("--auth", default="sha256", choices=["md5", "sha256", "sha256-of-md5"])
parser.add_argument("--fault", default="")
parser.add_argument("--esp8266", action="store_true")
parser.add_argument("--dead-after", action="store_true", help="does not come back after an update")
options = parser.parse_args()
fault = options.fault

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
port = udp.getsockname()[1]
print(port, flush=True)


def log(text):
    with open(options.log, "a") as out:
        out.write(text + "\n")


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def expected(nonce, cnonce):
    if options.auth == "md5":
        return md5("%s:%s:%s" % (md5(options.password), nonce, cnonce))
    stored = md5(options.password) if options.auth == "sha256-of-md5" else sha256(options.password)
    key = hashlib.pbkdf2_hmac("sha256", stored.encode(), ("%s:%s" % (nonce, cnonce)).encode(), 10000).hex()
    return sha256("%s:%s:%s" % (key, nonce, cnonce))


def strangers(host_port):
    """Connections of somebody else, from another address of this machine, before the device comes."""
    for _ in range(3):
        other = socket.socket()
        other.bind(("127.0.0.2", 0))
        other.connect(("127.0.0.1", host_port))
        other.settimeout(5)
        try:
            log("stranger got %r" % other.recv(10))
        except OSError as problem:
            log("stranger: %s" % problem)
        other.close()


def update(host, host_port, size, digest, command):
    """_runUpdate()"""
    if fault == "no-connection":
        return
    if fault == "stranger":
        strangers(host_port)
    time.sleep(3 if fault == "slow" else 0)
    client = socket.socket()
    if fault == "early-ok":  # so that the host cannot have sent all of it yet
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((host, host_port))
    client.settimeout(1)
    taken = bytearray()
    digits = 0
    while len(taken) < size:
        try:
            data = client.recv(1460)
        except TimeoutError:
            continue
        if not data:
            log("the host closed the connection after %d bytes" % len(taken))
            return
        taken += data
        if fault == "slow" and len(taken) > size // 2 and not digits:
            time.sleep(2)
            digits = 1
        if fault == "half" and len(taken) > size // 2:
            client.close()
            log("gone in the middle")
            return
        if fault == "reset" and len(taken) > size // 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
            return
        if fault == "early-ok" and len(taken) > size // 8:
            client.sendall(b"OK")
        if fault == "write-error" and len(taken) > size // 2:
            client.sendall(b"ERROR[1]: Flash Write \x1b[31mFailed\r\n")
            time.sleep(0.5)
            client.close()
            return
        if fault == "babble":
            client.sendall(b"x" * 100000)
        client.sendall(b"%d" % len(data))
    if fault == "silent-end":
        time.sleep(1)
        client.close()
        return
    if fault == "wrong-md5":
        taken[-1] ^= 1
    if hashlib.md5(taken).hexdigest() != digest:
        client.sendall(b"ERROR[7]: MD5 Check Failed\r\n")
        client.close()
        log("MD5 is wrong")
        return
    with open(options.out, "wb") as out:
        out.write(taken)
    if options.esp8266:
        time.sleep(1)
    client.sendall(b"O")
    time.sleep(0.1)
    client.sendall(b"K")
    time.sleep(1 if options.esp8266 else 0)
    client.close()
    log("took %d bytes with command %d" % (len(taken), command))
    if options.dead_after:
        os._exit(0)


state, nonce, invitation, seen = "idle", "", None, 0
while True:
    data, peer = udp.recvfrom(512)
    seen += 1
    log("%s: %r" % (state, data))
    if state == "idle":
        match = re.match(rb" *(\d*) *(\d*) *(\d*) (.*)\n", data)
        if not match or int(match[1] or 0) not in (0, 100) or len(match[4].strip()) != 32:
            continue
        if fault == "deaf" or (fault == "lossy" and seen < 3):
            continue
        invitation = (peer[0], int(match[2]), int(match[3]), match[4].strip().decode(), int(match[1]))
        if fault == "words":
            udp.sendto(b"ERR: ERROR[4]: Not Enough Space\r\n", peer)
        elif fault == "long-challenge":
            udp.sendto(b"AUTH " + b"a" * 1000, peer)
        elif fault == "odd-challenge":
            udp.sendto(b"AUTH " + b"%n" * 16, peer)
        elif options.password:
            nonce = md5(str(time.time())) if options.auth == "md5" else sha256(str(time.time()))
            udp.sendto(b"AUTH " + nonce.encode(), peer)
            state = "wait"
        else:
            udp.sendto(b"OK", peer)
            update(*invitation)
    else:
        state = "idle"
        length = 32 if options.auth == "md5" else 64
        match = re.match(rb"200 (\S*) (\S*)\n", data)
        if not match or len(match[1]) != length or len(match[2]) != length:
            log("auth param fail")
            continue
        if fault == "lost-proof" and seen < 4:
            continue
        if match[2].decode() == expected(nonce, match[1].decode()):
            udp.sendto(b"OK", peer)
            update(*invitation)
        else:
            log("wrong proof")
            udp.sendto(b"Authentication Failed", peer)
