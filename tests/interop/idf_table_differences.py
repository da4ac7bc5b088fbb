"""Random and mutated CSV, read by ESP-IDF's generator and by espota: the same bytes, or both refuse.

Usage: idf_table_differences.py ESPOTA WORK COUNT [GENERATOR.py]. Prints one line with counts; each difference before it, exit
status 1. What is different on purpose is counted apart: labels that become the same when they are cut to 16 bytes (the
generator then writes a table that it refuses to read)."""

import importlib.util
import os
import random
import subprocess
import sys

VARIABLES = {"SIZE": "24K", "ONE": "1", "EMPTY": "", "CELL": "app,factory", "HASH": "#x", "DOLLAR": "$ONE"}
NAMES = ["nvs", "otadata", "phy_init", "factory", "ota_0", "ota_1", "storage", "", "a", "a b", "x" * 16, "x" * 17, "app", "é",
         "data", "#n", "n#", "${ONE}", "$ONE", "$NONE", "\u00a0n"]
TYPES = ["app", "data", "APP", "Data", "0", "1", "0x40", "64", "2", "3", "bootloader", "partition_table", "", "255", "256", "-1",
         "appk", "datam", "0x", "app k", "1k", "01", "0b1", "0o1", "${ONE}", " app", "app\t"]
SUBTYPES = {"app": ["factory", "ota_0", "ota_1", "ota_15", "ota_16", "test", "0", "0x10", "", "tee_0", "FACTORY", "nvs", "17",
                    "factorym"],
            "data": ["phy", "nvs", "nvs_keys", "fat", "ota", "coredump", "spiffs", "littlefs", "undefined", "efuse", "esphttpd",
                     "tee_ota", "", "0x99", "2", "frob", "Nvs", "factory", "0x06"]}
OFFSETS = ["", "", "", "", "", "0x9000", "0xd000", "0xf000", "0x10000", "64K", "0x110000", "1M", "1 M", "0x9001", "-4096", "0",
           "0x8000", "4294967295", "4294967296", "0x1_0000", "1024k", "0x10000K", "9K", "36k", "0X9000", "$SIZE"]
SIZES = ["4K", "8K", "24K", "0x1000", "0x2000", "0x3000", "1M", "1 M", "1  k", "0x6000", "64k", "1984K", "-0x200000", "-4M", "",
         "0", "0x100100", "1MM", "1kk", "0kkkkkkkk", "1_000", "1__0", "_1", "1_", "+4096", "+-1", "0x_1000", "1.5M", "K", "M",
         "1 K M", "${SIZE}", "$SIZE", "4294967295", "4194304K", "09", "00", "0_0", "1e3", "\u00a04K", "4K\u3000", "4\u00a0K"]
FLAGS = ["", "", "", "encrypted", "readonly", "encrypted:readonly", "readonly:", ":", "Encrypted", "encrypted : readonly", "x",
         "readonly:readonly"]
SEPARATORS = [",", ",", ",", ",", ", ", " ,", ",\t", ",\u2003"]
BREAKS = ["\n"] * 12 + ["\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\u0085", "\u2028", "\u2029", "\n\n", "\n \n"]
LINES = ["z" * 16 + "1,data,nvs,,12K,\n" + "z" * 16 + "2,data,fat,,12K,", "# a comment", "#", "   ", " # indented", "$NONE,data,nvs,,4K,", "${NONE},data,nvs,,4K,", " $NONE", "#$NONE",
         "c,${CELL},,1M", "$CELL", "$HASH,1,2", "# " + "y" * 1500, "${A$ONE},data,nvs,,12K", "$DOLLAR,data,nvs,,12K", "$1,data,nvs,,12K",
         "n,data,nvs,,12K,,more,and,more", "n", "n,data", "n,app", "n,app,factory", ",,,,", ",", "${}x,data,nvs,,12K", "$,data,fat,,4K"]
SEEDS = ["nvs,data,nvs,,24K,\nphy,data,phy,,4K,\nfactory,app,factory,,1M,\n",
         "nvs,data,nvs,0x9000,16K,\notadata,data,ota,0xd000,8K,\nota_0,app,ota_0,0x10000,1M,\nota_1,app,ota_1,0x110000,1M,\n",
         "nvs, data, nvs, , 0x6000, encrypted\nf, app, factory, , -0x200000, readonly\n"]


def good_line(r):
    kind = r.choice(["app", "data", "data"])
    name = "p%d" % r.randrange(1000)
    return r.choice(SEPARATORS).join([name, kind, r.choice(SUBTYPES[kind][:4]), "", r.choice(["12K", "24K", "1M", "0x3000", "0x6000"]), ""])


def odd_line(r):
    if r.random() < 0.25:
        return r.choice(LINES)
    kind = r.choice(["app", "data"])
    fields = ["p%d" % r.randrange(1000), kind, r.choice(SUBTYPES[kind][:4]), r.choice(["", "", "", "0x800000"]), r.choice(["12K", "24K", "1M"]), ""]
    pools = [NAMES, TYPES, SUBTYPES[kind], OFFSETS, SIZES, FLAGS]
    for i in r.sample(range(6), r.choice([1, 1, 1, 1, 2])):
        fields[i] = r.choice(pools[i])
    return r.choice(SEPARATORS).join(fields[:r.choice([6, 6, 6, 6, 5, 4])])


def made(r):
    lines = [good_line(r) for _ in range(r.randrange(3))] + [odd_line(r)] + [good_line(r) for _ in range(r.randrange(3))]
    return "".join(line + r.choice(BREAKS) for line in lines).encode()


def mutated(r):
    data = bytearray(r.choice(SEEDS).encode())
    for _ in range(r.choice([1, 1, 2, 4])):
        at = r.randrange(len(data))
        what = r.random()
        if what < 0.4:
            data[at] = r.choice(b"0123456789xXkKmM_+-, \t\n#:$abcdef")
        elif what < 0.7:
            data[at:at + r.randrange(1, 4)] = b""
        else:
            data[at:at] = r.choice([b" ", b",", b"K", b"_", b"-", b"0x", b"\n", b"\xc2\xa0", b"$", b"${ONE}", b"\xff", b"\xef\xbb\xbf"])
        if not data:
            data = bytearray(b"\n")
    text = bytes(data)
    if r.random() < 0.05:
        try:
            text = text.decode().encode(r.choice(["utf-16", "utf-8-sig", "utf-32"]))
        except UnicodeDecodeError:
            pass
    return text


def load(path):
    if not path:
        import esp_idf_defs
        return sys.modules[esp_idf_defs.PartitionTable.__module__]
    spec = importlib.util.spec_from_file_location("gen_esp32part", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def theirs(generator, data):
    encoding = "utf-8"
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"),
                       (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            encoding = name
            break
    try:
        table = generator.PartitionTable.from_csv(data.decode(encoding))
        table.verify()
        return table.to_binary(), table
    except Exception as why:  # whatever stops it refuses the table
        return None, why


def on_purpose(ours, table, data):
    if ours is None and hasattr(table, "sort"):
        cut = [p.name.encode()[:16] for p in table]
        if len(set(cut)) < len(cut):
            return True
    return False


def main():
    espota, work, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    generator = load(sys.argv[4] if len(sys.argv) > 4 else None)
    generator.quiet = True
    generator.critical = lambda text: None
    generator.offset_part_table = 0x8000
    os.environ.update(VARIABLES)
    os.environ.pop("NONE", None)
    csv, binary = os.path.join(work, "d.csv"), os.path.join(work, "d.bin")
    r = random.Random(20)
    accepted = refused = apart = different = 0
    for i in range(count):
        data = made(r) if i % 3 else mutated(r)
        with open(csv, "wb") as f:
            f.write(data)
        want, table = theirs(generator, data)
        done = subprocess.run([espota, "table", csv, "--binary", binary, "-q"], capture_output=True)
        ours = open(binary, "rb").read() if done.returncode == 0 else None
        if done.returncode not in (0, 1, 2, 4) or (ours is None and not done.stderr):
            different += 1
            print("# %r: exit status %d" % (data, done.returncode))
        elif ours == want:
            accepted += ours is not None
            refused += ours is None
        elif on_purpose(ours, table, data):
            apart += 1
        else:
            different += 1
            if different <= 20:
                print("# %r: the generator %s, espota %s" % (data, "accepts" if want else "refuses: %s" % table,
                                                            "accepts" if ours else "refuses: %s" % done.stderr.decode("utf-8", "replace").strip()))
    print("%d tables: %d the same bytes, %d refused by both, %d different on purpose, %d different" %
          (count, accepted, refused, apart, different))
    return different > 0


sys.exit(main())
