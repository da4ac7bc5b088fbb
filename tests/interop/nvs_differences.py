"""Random CSV files to espota and to ESP-IDF's NVS partition generator: the same bytes, or refused by both.

Usage: nvs_differences.py ESPOTA FOLDER COUNT. The generator runs in this process; what it accepts although no app could
read it (see espota/nvs_csv.h) is not asked of it."""

import base64
import io
import os
import random
import subprocess
import sys

from esp_idf_nvs_partition_gen import nvs_partition_gen as theirs

BITS = {"u8": 8, "i8": 8, "u16": 16, "i16": 16, "u32": 32, "i32": 32, "u64": 64, "i64": 64}


def integer(r, encoding):
    bits = BITS[encoding]
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if encoding[0] == "i" else (0, (1 << bits) - 1)
    number = r.choice([low, high, 0, r.randint(low, high)])
    if r.random() < 0.02:
        number = r.choice([low - 1, high + 1])
    text = str(number)
    if r.random() < 0.1:
        text = r.choice([" " + text, text + " ", "+" + text if number >= 0 else text, "0" + text, "1_0", "0x10", "", "1__0", "_1"])
    return text


def quoted(r, text):
    if any(c in text for c in ',"\n\r') or text.startswith("#") or r.random() < 0.3:
        return '"' + text.replace('"', '""') + '"'
    return text


def value(r, encoding, folder, number):
    size = r.choice([0, 1, 31, 32, 33, 100, 1000, 1983, 1984, 1985, 3000, 3936, 3967, 3968, 4000, 6000]) if r.random() < 0.3 else r.randint(0, 80)
    data = bytes(r.getrandbits(8) for _ in range(size))
    kind = "data"
    if encoding in BITS:
        content = integer(r, encoding)
    elif encoding == "string":
        content = "".join(r.choice('abc ",;#\'\u00e4\u20ac\nxyz') for _ in range(size))
    elif encoding == "hex2bin":
        content = data.hex()
        if r.random() < 0.05:
            content = r.choice([content + "0", content + "zz", " " + content + " ", content.upper()])
    elif encoding == "base64":
        content = base64.b64encode(data).decode()
        if r.random() < 0.1:
            # what follows padding is not taken alike by all versions of Python
            longer = [] if content.endswith("=") else [content + "AA==", content + "A"]
            content = r.choice([content[:-1], content[:4] + "\n" + content[4:], *longer])
    elif encoding == "binary":
        content = "".join(r.choice("abc xyz") for _ in range(size))
    else:
        content = "".join(r.choice("abc") for _ in range(r.randint(0, 12)))
    if r.random() < 0.2 and "fill" not in encoding:
        kind = "file"
        path = os.path.join(folder, f"value{number}")
        with open(path, "wb") as file:
            file.write(data if encoding == "binary" else content.encode())
        content = path
    return kind, content


def table(r, folder):
    rows, space = [], 0
    comment = "# a comment\n"
    for number in range(r.randint(1, 40)):
        if number == 0 or r.random() < 0.1:
            rows.append(f"space{space},namespace,,")
            space += 1
            continue
        encoding = r.choice([*BITS, "string", "hex2bin", "base64", "binary", "blob_fill(%d;0x%02x)", "blob_sz_fill(%d;0x%02x)"])
        if "%" in encoding:
            encoding %= (r.randint(0, 100), r.getrandbits(8))
        kind, content = value(r, encoding, folder, number)
        key = r.choice([f"key{number}", f"k{number}" * 3, "fifteen_bytes_" + chr(97 + number % 26)])
        if r.random() < 0.03:
            key = r.choice(["sta.ssid", "sta.pswd", "ap.ssid", "ap.passwd", "ap.authmode", "sixteen_bytes_xx"])
        rows.append(f"{key},{kind},{quoted(r, encoding)},{quoted(r, content)}")
        if r.random() < 0.05:
            rows.append(comment.strip())
    return r.choice(["", comment]) + "key,type,encoding,value\n" + "\n".join(rows) + r.choice(["\n", "", "\n\n"])


def generate(path, size, version):
    """@return the partition, or None when the generator refuses, or falls over."""
    out = io.BytesIO()
    size, read_only = theirs.check_size(str(size))
    try:
        nvs = theirs.nvs_open(out, size, {1: 0xFF, 2: 0xFE}[version], read_only=read_only)
        with open(path, "rt", encoding="utf8") as file:
            for row in theirs.csv.DictReader(filter(lambda line: line[0] != "#", file), delimiter=","):
                if len(row["key"]) > 15:
                    return None
                theirs.write_entry(nvs, row["key"], row["type"], row["encoding"], row["value"])
        theirs.nvs_close(nvs)
    except Exception:
        return None
    return out.getvalue()


def main(espota, folder, count):
    same = refused = 0
    theirs.log = type("Silent", (), {name: staticmethod(lambda *a, **k: None) for name in ("err", "warn", "print")})
    for seed in range(count):
        r = random.Random(seed)
        path, output = os.path.join(folder, "random.csv"), os.path.join(folder, "random.bin")
        size, version = r.choice([0x1000, 0x2000, 0x3000, 0x6000, 0x10000]), r.choice([1, 2, 2])
        with open(path, "w", encoding="utf8", newline="") as file:
            file.write(table(r, folder))
        if os.path.exists(output):
            os.remove(output)
        expected = generate(path, size, version)
        ours = subprocess.run([espota, "nvs", "make", path, "-o", output, "--size", str(size), "--nvs-version", str(version), "-q"],
                              capture_output=True, text=True, check=False)
        made = open(output, "rb").read() if os.path.exists(output) else None
        if made != expected or ours.returncode not in (0, 1, 2):
            describe = lambda data: "nothing" if data is None else f"{len(data)} bytes"
            at = next((i for i, (a, b) in enumerate(zip(made or b"", expected or b"")) if a != b), None)
            sys.exit(f"seed {seed}, size {size}, version {version}: theirs {describe(expected)}, ours {describe(made)}, differ at {at}\n"
                     f"{ours.stderr}{open(path, encoding='utf8').read()[:1500]}")
        same += expected is not None
        refused += expected is None
    print(f"{same} partitions the same, {refused} files refused by both")


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
