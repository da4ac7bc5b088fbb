"""A host of the agent's protocol by other people's Noise: noiseprotocol and cryptography, of PyPI.
Usage: noise_client.py PORT KEY_FILE [WRONG_BYTE]. Prints what INFO says; with WRONG_BYTE, a byte of HELLO's response is
taken for another, as if somebody had changed it on the way. Exits with 1 when no session begins."""
import hashlib
import hmac
import os
import socket
import struct
import sys
import zlib

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from noise.connection import Keypair, NoiseConnection

HELLO, HANDSHAKE, INFO, READ = 1, 2, 3, 4


class Wire:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.bytes = b""

    def send(self, body):
        self.socket.sendall(b"\xc0" + body.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0")

    def receive(self):
        while True:
            while b"\xc0" in self.bytes:
                frame, self.bytes = self.bytes.split(b"\xc0", 1)
                if frame:
                    return frame.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
            got = self.socket.recv(4096)
            if not got:
                sys.exit("the agent hung up")
            self.bytes += got

    def exchange_open(self, kind, sequence, payload):
        body = struct.pack("<BBHI", 0xA5, kind, len(payload), sequence) + payload
        self.send(body + struct.pack("<I", zlib.crc32(body)))
        answer = self.receive()
        mark, answered, length, repeated = struct.unpack("<BBHI", answer[:8])
        assert (mark, answered, repeated) == (0xA5, kind | 0x80, sequence), answer.hex()
        assert len(answer) == 12 + length and struct.unpack("<I", answer[-4:])[0] == zlib.crc32(answer[:-4])
        return answer[8:-4]


class Sealed:
    """Frames of a session: the number that a frame has in clear is the nonce."""

    def __init__(self, wire, noise):
        self.wire, self.number = wire, 0
        state = noise.noise_protocol
        self.out = ChaCha20Poly1305(bytes(state.cipher_state_encrypt.k))
        self.back = ChaCha20Poly1305(bytes(state.cipher_state_decrypt.k))

    @staticmethod
    def nonce(number):
        return bytes(4) + struct.pack("<Q", number)

    def exchange(self, kind, payload=b""):
        self.number += 1
        head = struct.pack("<BI", 0xA6, self.number)
        inner = struct.pack("<BI", kind, 1000 + self.number) + payload
        self.wire.send(head + self.out.encrypt(self.nonce(self.number), inner, head))
        answer = self.wire.receive()
        mark, number = struct.unpack("<BI", answer[:5])
        assert mark == 0xA6, answer.hex()
        inner = self.back.decrypt(self.nonce(number), answer[5:], answer[:5])
        assert struct.unpack("<BI", inner[:5]) == (kind | 0x80, 1000 + self.number)
        return inner[5:]


def main():
    wire = Wire(int(sys.argv[1]))
    key = bytes.fromhex(open(sys.argv[2]).read().strip())
    hello = bytes([1, 1]) + os.urandom(16)
    greeting = bytearray(wire.exchange_open(HELLO, 1, hello))
    assert greeting[0] == 0 and greeting[2] & 1, greeting.hex()
    if len(sys.argv) > 3:
        greeting[int(sys.argv[3])] ^= 1
    noise = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
    noise.set_as_initiator()
    noise.set_psks(hmac.new(key, b"espota psk 1", hashlib.sha256).digest())
    noise.set_prologue(b"espota session 1" + hello + bytes(greeting))
    noise.start_handshake()
    answer = wire.exchange_open(HANDSHAKE, 2, noise.write_message())
    if answer[0] != 0:
        sys.exit("status %02x" % answer[0])
    assert noise.read_message(answer[1:]) == b"" and noise.handshake_finished
    session = Sealed(wire, noise)
    info = session.exchange(INFO)
    assert info[0] == 0, info.hex()
    print("chip %d, %s" % (struct.unpack("<H", info[1:3])[0], info[21:53].rstrip(b"\0").decode()))
    table = session.exchange(READ, struct.pack("<IH", 0x8000, 64))
    print("table %s" % table[1:3].hex())
    assert session.exchange(0x7E)[0] == 2  # no such request


main()
