#!/usr/bin/env bash
# A mask ROM's flash commands address 24 bits: of a larger flash they reach the first 16M, again and again.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
head -c 4096 /dev/urandom >one.bin
head -c 8192 /dev/urandom >two.bin

start_sim -c esp32s3 -f flash.bin --flash 32M --download
export ESPOTA_PORT=$REMOTE
cp flash.bin before.bin
run info
expect "a flash of 32M" 0 "out:32M"
for command in "write 0x1000000 one.bin" "write 0xfff000 two.bin" "verify 0x1000000 one.bin" \
    "erase 0xfff000+8K" "read 0x1000000+4K out.bin" "erase all" "read all out.bin" "backup out.bin"; do
    # shellcheck disable=SC2086
    run ${command%% *} --no-stub ${command#* }
    expect "$command: is beyond the ROM" 1 "err:addresses the first 16M of flash only"
done
same "and nothing has changed" flash.bin before.bin
check "and nothing is left" test ! -e out.bin
mkdir s3
"$MKIMAGE" -o s3/bootloader.bin --kind bootloader --size 20K --chip esp32s3
"$MKIMAGE" -o s3/firmware.bin --size 64K --chip esp32s3
run flash --no-stub s3 --erase
expect "nor is all of it erased" 1 "err:only the first 16M of its flash can be reached"
same "which is known before anything is" flash.bin before.bin
run flash --no-stub s3
expect "flash looks at and writes what can be reached" 0 "err:warning: only the first 16M" "err:Planned layout 3p for 32M" "err:boots next"
stop_sim
start_sim -c esp32s3 -f flash.bin --download
export ESPOTA_PORT=$REMOTE
run write --no-stub 0xfff000 one.bin
expect "the last sector below is written" 0 "err:verified"
check "where it belongs" cmp -i 0xfff000:0 -n 4096 flash.bin one.bin
run verify --no-stub 0xfff000 one.bin
expect "and verified" 0
stop_sim
