#!/usr/bin/env python3
"""moved_image.py IMAGE BYTES NEW: an app image with so many bytes more (a multiple of 16) near its beginning, so that no sector
behind is where it was."""

import hashlib
import sys

with open(sys.argv[1], "rb") as file:
    data = bytearray(file.read())
more = int(sys.argv[2])
at, starts = 24, []
for _ in range(data[1]):
    length = int.from_bytes(data[at + 4 : at + 8], "little")
    starts.append((length, at))
    at += 8 + length
length, at = max(starts)
data[at + 4 : at + 8] = (length + more).to_bytes(4, "little")
data[at + 608 : at + 608] = bytes(i % 251 for i in range(more))
check, at = 0xEF, 24
for _ in range(data[1]):
    length = int.from_bytes(data[at + 4 : at + 8], "little")
    for byte in data[at + 8 : at + 8 + length]:
        check ^= byte
    at += 8 + length
end = at // 16 * 16 + 16
data[end - 1] = check
data[end : end + 32] = hashlib.sha256(data[:end]).digest()
with open(sys.argv[3], "wb") as file:
    file.write(data)
