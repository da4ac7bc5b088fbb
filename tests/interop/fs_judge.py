"""littlefs-python judges littlefs, both ways. Usage: fs_judge.py ESPOTA FOLDER COUNT.

Random folders become images by espota, which littlefs mounts, reads, changes and reads again; what littlefs-python wrote
and rewrote, espota gets."""

import os
import random
import shutil
import subprocess
import sys

from littlefs import LittleFS


def run(*args):
    result = subprocess.run(args, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(args)}: {result.returncode} {result.stderr}")


def host_files(folder):
    """Of a folder: path to bytes, None for a directory."""
    found = {}
    for root, directories, files in os.walk(folder):
        for name in directories:
            found[os.path.relpath(os.path.join(root, name), folder)] = None
        for name in files:
            with open(os.path.join(root, name), "rb") as file:
                found[os.path.relpath(os.path.join(root, name), folder)] = file.read()
    return found


def lfs_files(fs):
    found = {}
    for root, directories, files in fs.walk("/"):
        for name in directories:
            found[os.path.join(root, name).lstrip("/")] = None
        for name in files:
            with fs.open(os.path.join(root, name), "rb") as file:
                found[os.path.join(root, name).lstrip("/")] = file.read()
    return found


def same(what, one, other):
    if one != other:
        odd = sorted(p for p in {*one, *other} if one.get(p, 0) != other.get(p, 0))
        sys.exit(f"{what}: {odd[:5]}")


def fill(r, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    places = [folder]
    for _ in range(r.randint(0, 8)):
        place = os.path.join(r.choice(places), f"dir{r.randint(0, 99)}")
        if not os.path.exists(place):
            os.mkdir(place)
            places.append(place)
    for number in range(r.choice([0, 1, 10, 60, 300])):
        name = r.choice([f"f{number}", f"a file {number}.txt", f"\u00e4\u20ac{number}", "x" * r.randint(1, 200) + str(number)])
        size = r.choice([0, 1, 63, 64, 65, 100, 4095, 4096, 4097, 8188, 8189, 12289]) if r.random() < 0.9 else r.randint(0, 100000)
        with open(os.path.join(r.choice(places), name), "wb") as file:
            file.write(r.randbytes(size))


def change(r, fs):
    files = [p for p, data in lfs_files(fs).items() if data is not None]
    for path in r.sample(files, len(files) // 3):
        fs.remove("/" + path)
    for path in r.sample(files, len(files) // 3):
        with fs.open("/" + path, "wb") as file:
            file.write(r.randbytes(r.choice([0, 10, 500, 5000])))
    fs.makedirs("/new/deep", exist_ok=True)
    for number in range(r.randint(0, 50)):
        with fs.open(f"/new/deep/{number}", "wb") as file:
            file.write(r.randbytes(r.randint(0, 3000)))
    for number in range(0, r.randint(0, 50), 2):
        if f"new/deep/{number}" in lfs_files(fs):
            fs.rename(f"/new/deep/{number}", f"/moved{number}")


def main(espota, work, count):
    image, folder, out = (os.path.join(work, name) for name in ("judge.bin", "judge-in", "judge-out"))
    for seed in range(count):
        r = random.Random(seed)
        fill(r, folder)
        run(espota, "fs", "make", folder, "-o", image, "--type", "littlefs", "--size", "8M", "-q")
        with open(image, "rb") as file:
            data = file.read()
        fs = LittleFS(block_size=4096, block_count=2048, read_size=r.choice([16, 128]), prog_size=r.choice([16, 256]), cache_size=512, mount=False)
        fs.context.buffer = bytearray(data)
        fs.mount()
        same(f"seed {seed}: what littlefs reads", host_files(folder), lfs_files(fs))
        change(r, fs)
        changed = lfs_files(fs)
        fs.unmount()
        with open(image, "wb") as file:
            file.write(bytes(fs.context.buffer))
        shutil.rmtree(out, ignore_errors=True)
        run(espota, "fs", "get", "-i", image, "/", out, "-q")
        same(f"seed {seed}: what espota gets of it, changed", changed, host_files(out))
    print(f"{count} images")


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
