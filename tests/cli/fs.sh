#!/usr/bin/env bash
# File systems: made of a folder, put into a device, listed and got back; and what a hostile or damaged one can do.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

mkdir -p site/lib/deep site/empty
echo 'print(1)' >site/main.py
: >site/lib/none.txt
head -c 100000 /dev/urandom >site/lib/deep/big.bin
head -c 64 /dev/urandom >site/lib/at-the-limit.bin
head -c 65 /dev/urandom >"site/lib/Ein langer Name, über 8.3.text"
# got IMAGE|--port ...: all of it, as it was
got() {
    local name=$1
    shift
    rm -rf back
    run fs get -q "$@" / back
    expect "$name: get" 0
    check "$name: the same" diff -r site back
}

for type in littlefs fat fat-plain; do
    run fs make site -o "$type.bin" --type "$type" --size 1M
    expect "$type is made" 0 "err:5 files, 3 directories, 100138 bytes"
    [ "$(stat -c %s "$type.bin")" = 1048576 ] && ok "of the size of its partition" || not_ok "of the size of its partition"
    got "$type" --image "$type.bin"
    cp "$type.bin" first.bin
    touch site/main.py
    run fs make site -o "$type.bin" --type "$type" --size 1M -q
    same "$type: the same folder gives the same bytes" first.bin "$type.bin"
done
run fs make site -o small.bin --type fat --size 1M --sector 512
got "FAT with small sectors" --image small.bin
run fs ls --image littlefs.bin
expect "ls" 0 "out:main.py" "out:lib/" "out:littlefs 2.0 of 1M: 1 file, 2 directories"
grep -q 'big.bin' stdout && not_ok "ls lists one directory" "$OUT" || ok "ls lists one directory"
run fs ls --image fat.bin /LIB -r
expect "ls -r of a directory, FAT knows no case" 0 "out:100000" "out:LIB/deep/big.bin" "out:FAT12 with wear levelling of 1M"
run fs cat --image fat-plain.bin main.py lib/none.txt
expect "cat" 0 "out:print(1)"
run fs get --image littlefs.bin lib/deep/big.bin
same "get of one file, by its own name" site/lib/deep/big.bin big.bin
run fs get --image littlefs.bin lib/deep/big.bin
expect "what is there is not written over" 5 "err:big.bin exists already; choose another name, or --force"
run fs get --image littlefs.bin lib/deep/big.bin --force
expect "unless it is said so" 0
run fs get --image littlefs.bin / back
expect "nor in a folder" 5 "err:exists already"
ln -sf "$WORK/outside" back/main.py
run fs get --image littlefs.bin / back --force
[ ! -e outside ] && [ ! -L back/main.py ] && ok "a symbolic link is replaced, not followed" || not_ok "a symbolic link is replaced, not followed"
rm -rf back/lib
ln -s "$WORK" back/lib
run fs get --image littlefs.bin / back --force
expect "nor is one to a directory" 1 "err:a symbolic link"
[ ! -e none.txt ] && ok "nothing is written outside" || not_ok "nothing is written outside"

# ---- mistakes
run fs ls --image littlefs.bin nowhere
expect "no such directory" 1 "err:cannot list nowhere: there is no such file or directory"
run fs ls --image littlefs.bin main.py
expect "ls of a file" 1 "err:no directory"
run fs cat --image littlefs.bin lib
expect "cat of a directory" 2 "err:lib is a directory"
run fs frob
expect "a word that is none" 2 "err:use ls, get, cat or make"
run fs ls --image littlefs.bin --port file:x
expect "two places" 2 "err:--image is no device"
run fs make site -o x.bin --type littlefs
expect "no size" 2 "err:--size SIZE"
run fs make site -o x.bin --type spiffs --size 1M
expect "SPIFFS: who makes it" 1 "err:mkspiffs -c site -b 4096 -p 256 -s 1048576 x.bin"
run fs make site -o x.bin --type littlefs --size 64K
expect "too much" 1 "err:cannot make a file system of 64K of site"
run fs make site -o x.bin --type littlefs --size 104K
expect "too much by its blocks" 1 "err:does not fit into littlefs of 104K"
run fs make nowhere -o x.bin --type fat --size 1M
expect "no folder" 1 "err:cannot read nowhere"
[ ! -e x.bin ] && ok "nothing is written then" || not_ok "nothing is written then"
mkdir odd
: >'odd/a:b'
run fs make odd -o x.bin --type fat --size 1M
expect "a name that FAT has not" 1 "err:a:b cannot go into FAT"
rm odd/*
: >odd/Read.me
: >odd/READ.ME
run fs make odd -o x.bin --type fat --size 1M
expect "two names that are one" 1 "err:there twice, to FAT"
rm odd/*
mkfifo odd/pipe
run fs make odd -o x.bin --type littlefs --size 1M
expect "what is no file" 1 "err:odd/pipe is neither file nor directory"

# ---- hostile and damaged
python3 - <<'PY'
import zlib
data = bytearray(open("fat-plain.bin", "rb").read())
# short names of the root become what no file should be called
at = data.index(b"MAIN    PY ")
data[at:at + 11] = b"\x1b[2J    PY "
open("control.bin", "wb").write(data)
data[at:at + 11] = b"../X       "
open("leave.bin", "wb").write(data)
data = bytearray(open("fat-plain.bin", "rb").read())
at = data.index(b"DEEP       ")
lib = data.index(b"LIB        ")
data[at + 26:at + 28] = data[lib + 26:lib + 28]  # a directory in itself
open("circle.bin", "wb").write(data)
data = bytearray(open("fat-plain.bin", "rb").read())
at = data.index(b"BIG     BIN")
data[at + 28:at + 32] = b"\xff\xff\xff\x7f"
open("huge.bin", "wb").write(data)
data = bytearray(open("littlefs.bin", "rb").read())
for block in (0, 1):
    data[block * 4096 + 100] ^= 1
open("torn.bin", "wb").write(data)
open("zeros.bin", "wb").write(bytes(65536))
open("blank.bin", "wb").write(b"\xff" * 65536)
PY
for name in control leave; do
    rm -rf back
    run fs get --image $name.bin / back
    expect "$name: a bad name is left out, and told" 4 "err:left out:" "err:1 of what is in / was left out"
    grep -q $'\033' stderr && not_ok "$name: the terminal is safe"
    check "$name: the rest is there" cmp site/lib/deep/big.bin back/lib/deep/big.bin
    [ ! -e X ] && ok "$name: nothing outside" || not_ok "$name: nothing outside"
done
run fs ls -r --image circle.bin
expect "a circle of directories" 4 "err:is damaged"
run fs get --image huge.bin / back2
expect "a file that claims more than there is" 4 "err:is damaged"
run fs ls --image torn.bin
expect "commits that are torn" 4 "err:is damaged"
run fs ls --image zeros.bin
expect "no file system" 4 "err:neither littlefs nor FAT nor SPIFFS is in it"
run fs ls --image blank.bin
expect "nothing at all" 4 "err:it is blank"

# ---- SPIFFS, as LoBo's MicroPython writes it: a directory is a file of no size
python3 - <<'PY'
def make(path, files):
    size, page, block = 65536, 256, 4096
    image, next_page = bytearray(b"\xff" * size), 0
    def put(object_id, header, content):
        nonlocal next_page
        at, in_block = divmod(next_page, 15)
        next_page += 1
        image[at * block + 2 * in_block:at * block + 2 * in_block + 2] = object_id.to_bytes(2, "little")
        start = at * block + (1 + in_block) * page
        image[start:start + len(header + content)] = header + content
    for number, (name, data) in enumerate(files, 1):
        length = 0xffffffff if data is None else len(data)
        head = (number | 0x8000).to_bytes(2, "little") + b"\0\0\xf8\xff\xff\xff" + length.to_bytes(4, "little")
        put(number | 0x8000, head + b"\x01", name.encode().ljust(32, b"\0"))
        for part in range(0, len(data or b""), 251):
            put(number, number.to_bytes(2, "little") + (part // 251).to_bytes(2, "little") + b"\xfc", data[part:part + 251])
    for at in range(size // block):
        image[at * block + 252:at * block + 254] = (0x0529 ^ 256 ^ (size // block - at)).to_bytes(2, "little")
    open(path, "wb").write(image)
make("spiffs.bin", [("/boot.py", b"x = 1\n" * 500), ("/lib", None), ("/lib/x.py", b"y\n"), ("/empty", b"")])
make("hostile.bin", [("/../X", b"x"), ("/a/../../X", b"x"), ("//", b"x"), ("/good", b"x")])
PY
run fs ls --image spiffs.bin
expect "SPIFFS is listed" 0 "out:3000" "out:lib/" "out:lib/x.py" "out:SPIFFS of 64K: 3 files, 1 directory, 3002 bytes"
run fs get --image spiffs.bin / from-spiffs
expect "and got" 0
[ "$(cat from-spiffs/lib/x.py)" = y ] && [ "$(wc -c <from-spiffs/boot.py)" = 3000 ] && ok "as it was" || not_ok "as it was"
run fs cat --image spiffs.bin lib/x.py
expect "a path is a whole name to SPIFFS" 0 "out:y"
run fs get --image hostile.bin / from-spiffs2
expect "paths that lead out are left out" 4 "err:3 of what is in / was left out"
[ -f from-spiffs2/good ] && [ ! -e X ] && [ ! -e ../X ] && ok "nothing is written outside" || not_ok "nothing is written outside"

# ---- on a board
make_build --size 100K
start_sim --flash-file board.bin --flash 4M
run flash --port "$REMOTE" --fs littlefs --fs-dir site build
expect "flash --fs-dir, with a planned layout" 0 "err:'internalfs' gets littlefs of site: 5 files, 3 directories"
got "from the board" --port "$REMOTE"
run fs ls --port "$REMOTE" -v
expect "only what is needed is read" 0 "out:main.py"
read_kib=$(sed -n 's/.*\([0-9][0-9]*\)K of [0-9]*K were read.*/\1/p' stderr)
[ "${read_kib:-99}" -le 9 ] && ok "a few K of it" || not_ok "a few K of it" "$ERR"
echo changed >site/main.py
run flash --port "$REMOTE" --fs-dir site
expect "and again, with a change" 0
got "changed" --port "$REMOTE"
stop_sim
got "from a dump" --port file:board.bin
run flash --port file:spiffs-board.bin --flash 4M --chip esp32 --fs spiffs --fs-dir site build
expect "no SPIFFS" 1 "err:mkspiffs -c site -b 4096 -p 256 -s" "err:--fs-type littlefs, fat or fat-plain"
run flash --port file:spiffs-board.bin --flash 4M --chip esp32 --fs spiffs --fs-dir site --fs-type littlefs build
expect "but littlefs in its partition, as Arduino has it" 0 "err:gets littlefs"
got "littlefs in a partition for SPIFFS" --port file:spiffs-board.bin
run flash --port file:fat-board.bin --flash 4M --chip esp32 --fs-dir site build
expect "FAT by the partition, with wear levelling" 0 "err:gets fat of site" "err:longer than 8.3"
run fs ls --port file:fat-board.bin
expect "as it is there" 0 "out:FAT12 with wear levelling"
run flash --port file:fat-board.bin --fs-dir site --fs-image fat.bin
expect "two images for one partition" 2 "err:give one"
run flash --port file:fat-board.bin --fs-type fat build
expect "a type of nothing" 2 "err:go with --fs-dir"
