#!/usr/bin/env bash
# A mask ROM has MD5 alone. Two files with the same MD5 (Wang, Feng, Lai and Yu, 2004): one in flash is not the other.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
unhex() { python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))' "$1"; }
start=d131dd02c5e6eec4693d9a0698aff95c2fcab5
middle=12467eab4004583eb8fb7f8955ad340609f4b30283e48883
rest=085125e8f7cdc99fd91dbd
a=${start}87${middle}2571415a${rest}f280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0
a=${a}e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70
b=${start}07${middle}25f1415a${rest}7280373c5bd8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0
b=${b}e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70
head -c 8064 /dev/urandom >rest.bin
unhex "$a" | cat - rest.bin >a.bin
unhex "$b" | cat - rest.bin >b.bin
check "the files have one MD5" test "$(md5sum <a.bin)" = "$(md5sum <b.bin)"
check "and are two" test "$(sha256sum <a.bin)" != "$(sha256sum <b.bin)"

start_sim -f flash.bin --flash 4M
export ESPOTA_PORT=$REMOTE
run write 0x20000 a.bin
expect "one is written" 0 "err:8K written, verified"
run verify --no-stub 0x20000 b.bin
expect "verify does not take it for the other" 4 "err:does not hold b.bin"
run write --no-stub 0x20000 b.bin
expect "the other is not there already" 0 "err:8K written, verified"
check "and flash holds it" cmp -i 0x20000:0 -n 8192 flash.bin b.bin
run write --no-stub 0x20000 b.bin
expect "now it is" 0 "err:0K written, verified"
run verify --no-stub 0x20000 b.bin
expect "and verify says so" 0 "err:8192 bytes are the same"

# What a read need not let travel is in flash, byte by byte.
run read --no-stub --known a.bin 0x20000+8K known.bin
expect "a known file with the MD5 of what is in flash" 0 "err:verified"
same "is not taken for it" known.bin b.bin
cp a.bin earlier.bin
run read --no-stub 0x20000+8K earlier.bin
expect "an earlier file with the MD5 of what is in flash" 0 "err:verified"
same "is not taken for it either" earlier.bin b.bin
run write 0x22000 a.bin
expect "the other one behind it" 0 "err:verified"
run read --no-stub 0x20000+16K both.bin
expect "two sectors with one MD5" 0 "err:verified"
same "both travel" both.bin <(cat b.bin a.bin)
stop_sim
