#!/usr/bin/env bash
# ELF files, where an app image is wanted.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
make_build --size 64K
mkelf() { "$BUILD/tools/mkelf" "$@"; }
mkelf app.elf esp32 30000
mkelf c3.elf esp32c3 30000
mkelf anonymous.elf esp32c6 30000 --anonymous
head -c 20000 app.elf >cut.elf

# ---- flash
run flash -p file:board.bin --chip esp32 --flash 4M --bootloader build/bootloader.bin --app app.elf
expect "flash --app takes an ELF file" 0 "err:app.elf is an ELF file: made into an app image for the ESP32, " "err:'MicroPython_1' boots next"
run verify -p file:board.bin MicroPython_1 app.elf -c esp32
expect "and its image is what lies there" 0 "err:are the same"
run flash -p file:board.bin app.elf
expect "flash takes it alone" 0 "err:app.elf goes into 'MicroPython_1'"
run flash -p file:board.bin --json app.elf
expect "again nothing is written" 0 'out:"written": 0'
cp board.bin before.bin
run flash -p file:board.bin --chip esp32 c3.elf
expect "one for another chip is refused" 4 "err:ESP32-C3"
run flash -p file:board.bin cut.elf
expect "one that is cut off too" 4 "err:cut.elf is an ELF file, but it has no sections that can be read: it is damaged or cut off"
same "and nothing was written" board.bin before.bin
run flash -p file:c6.bin --flash 4M anonymous.elf
expect "one that does not say its chip, nor does the device" 2 "err:may be for the ESP32-C5, ESP32-C6, ESP32-C61 or ESP32-H2" "err:give --chip"
run flash -p file:c6.bin --flash 4M -c esp32c6 anonymous.elf
expect "the device's chip decides" 0 "err:anonymous.elf is an ELF file: made into an app image for the ESP32-C6" "err:nothing boots"

# ---- plan
mkelf big.elf esp32 700000
run plan --flash 4M --app big.elf --csv
expect "plan makes room for its image" 0 "err:app size grown from 1024K to 1408K to hold big.elf"

# ---- ota
start_sim --flash-file board.bin --chip esp32
run ota --port "$UART" --file app.elf
expect "ota takes an ELF file" 0 "err:app.elf is an ELF file: made into an image of"
run ota --port "$UART" --file anonymous.elf
expect "and asks for the chip where it is not said" 2 "err:give --chip"
run ota --port "$UART" --file c3.elf
[ $STATUS -ne 0 ] && [[ $ERR == *ESP32-C3* ]] && ok "one for another chip is refused" || not_ok "one for another chip is refused" "$ERR"
stop_sim
