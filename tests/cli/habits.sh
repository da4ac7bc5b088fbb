#!/usr/bin/env bash
# What people type who come from esptool, espflash, idf.py and Arduino, or who mistype: it works, or one line names ours.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

make_build --version 1.0 --seed 1 --size 64K
"$ESPOTA" flash -q --port file:flash.bin --flash 4M --chip esp32 build
head -c 8192 /dev/urandom >two.bin
PORT=(--port file:flash.bin)

# ---- mistyped
run falsh
expect "a command" 2 "err:there is no command 'falsh'; did you mean 'flash'?"
run falsh --json
expect "a command, for scripts" 2 'out:"message": "there is no command'
run help verfy
expect "help for one" 2 "err:did you mean 'verify'?"
run info --prot x
expect "an option" 2 "err:--prot; did you mean '--port'?"
run plan --flash 4M --fs=littelfs
expect "a value" 2 "err:did you mean 'littlefs'?"
run info "${PORT[@]}" --chip ESP23
expect "a chip" 2 "err:did you mean 'esp32'?"
run status --via agnet
expect "a way" 2 "err:did you mean 'agent'?"
run read "${PORT[@]}" intrnalfs x
expect "a partition" 1 "err:no partition 'intrnalfs'" "err:did you mean 'internalfs'?"
run boot "${PORT[@]}" MicroPyton_2
expect "a partition to boot" 1 "err:no partition 'MicroPyton_2'" "err:did you mean 'MicroPython_2'?"

# ---- the same by other words
run version
expect "version" 0 "out:espota "
run help write_flash
expect "help for another tool's word" 0 "out:Usage: espota write"
run help flash
expect "help" 0 "out:Usage: espota flash"
# like NAME STATUS TEXT ARGS...: a command line of other tools ends so
like() {
    local name=$1 status=$2 text=$3
    shift 3
    run "$@"
    expect "$name" "$status" "$text"
}
like "esptool write-flash" 0 "err:verified" --chip esp32 -p file:flash.bin -b 921600 --before default-reset --after hard-reset write-flash -z 0x200000 two.bin
like "esptool 4 write_flash" 0 "err:" --chip esp32 --port file:flash.bin --before default_reset --after hard_reset write_flash --compress 0x200000 two.bin
same "it is there" <(tail -c +$((0x200001)) flash.bin | head -c 8192) two.bin
like "esptool verify-flash" 0 "err:" "${PORT[@]}" verify-flash 0x200000 two.bin
like "esptool read-flash" 0 "err:" "${PORT[@]}" read-flash 0x200000 0x2000 back.bin
same "it is read" back.bin two.bin
like "esptool read-flash ALL" 0 "err:" "${PORT[@]}" read_flash 0 ALL all.bin
same "all of it" all.bin flash.bin
like "read-flash without a file" 2 "err:an argument is missing: espota read" "${PORT[@]}" read-flash 0 0x1000
like "esptool erase-region" 0 "err:Erased" "${PORT[@]}" erase-region 0x200000 8192
like "esptool chip-id" 0 "out:Chip:" "${PORT[@]}" chip-id
like "esptool flash_id" 0 "out:Flash:" "${PORT[@]}" flash_id
like "espflash board-info" 0 "out:Flash:" board-info "${PORT[@]}"
like "espflash erase-parts" 0 "err:Erased" erase-parts "${PORT[@]}" nvs
like "espflash partition-table" 0 "out:MicroPython_1" partition-table "${PORT[@]}"
like "esptool image-info" 0 "out:1.0" image-info build/firmware.bin
like "espflash list-ports" 0 "err:" list-ports
like "esptool erase-flash" 0 "err:Erased" "${PORT[@]}" erase-flash
like "-v before the command" 0 "err:erase-region: as 'espota erase 0x0+4096'" -v "${PORT[@]}" erase_region 0x0 4096
like "--json before the command" 0 'out:"kind": "file"' --json "${PORT[@]}" info

# ---- what is not here
like "load-ram" 2 "err:no command 'load-ram' here: " load-ram x
like "checksum-md5" 2 "err:'espota verify'" checksum-md5 0 1
like "write-flash --erase-all" 2 "err:'espota erase all' does that first" "${PORT[@]}" write-flash --erase-all 0 x
like "write-flash --flash-mode" 2 "err:'espota flash' changes its header" "${PORT[@]}" write_flash --flash_mode dio 0 x
like "an option and no command" 2 "err:a command is missing" --port x
like "an unknown option before the command" 2 "err:no such option before a command: '--frobnicate'" --frobnicate info
run info "${PORT[@]}" --before no_reset_no_sync --after no_reset_stub
expect "esptool's ways to reset" 0 "out:Flash:"
