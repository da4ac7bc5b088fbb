#!/usr/bin/env bash
# Every chip: esptool, unmodified and without its stub, against the simulator, and each side reads what the other wrote.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
venv=$("$ROOT/tests/venv.sh" 2>venv.log) || { skip "esptool" "it cannot be installed: $(tail -1 venv.log)"; exit 0; }

esptool() { "$venv/bin/esptool" --port "socket://${UART#tcp://}" --before no-reset --after no-reset --no-stub "$@" >esptool.log 2>&1; }
passes() { # NAME TEXT ARGS...
    local name=$1 text=$2
    shift 2
    if esptool "$@" && grep -q -- "$text" esptool.log; then ok "$name"; else not_ok "$name" "$(cat esptool.log)"; fi
}

# espota leaves its stub to the chip, which esptool does not speak to: reset, with GPIO0 low
own() {
    run "$@" --port "$UART" --after no-reset
    kill -USR2 "$SIM_PID"
}

head -c 50000 /dev/urandom >theirs.bin
head -c 70000 /dev/urandom >ours.bin
# chip, its name, crystal in MHz, where its bootloader lies, a flash frequency that it has
while read -r chip name crystal bootloader frequency; do
    "$MKIMAGE" -o "$chip-bl.bin" --kind bootloader --size 20K --chip "$chip"
    "$MKIMAGE" -o "$chip-app.bin" --size 40K --chip "$chip"
    start_sim --chip "$chip" --flash-file "$chip.bin" --flash 8M --download --revision 1.2
    passes "$chip: esptool detects it, and its flash" "Detected flash size: 8MB" flash-id
    check "$chip: esptool reads its revision" grep -q "Chip type: *$name.*(revision v1.2)" esptool.log
    check "$chip: esptool reads its crystal" grep -q "Crystal frequency: *${crystal}MHz" esptool.log
    check "$chip: esptool reads its MAC" grep -q "24:0a:c4:00:01:10" esptool.log
    passes "$chip: esptool writes and verifies" "Hash of data verified" write-flash 0x210000 theirs.bin
    own verify 0x210000 theirs.bin
    expect "$chip: espota finds what esptool wrote" 0 "err:are the same"
    own info --json
    expect "$chip: espota tells the same" 0 "out:\"chip\": \"$chip\"" 'out:"revision": "1.2"' "out:\"crystal_mhz\": $crystal" \
        'out:"mac": "24:0a:c4:00:01:10"' 'out:"flash_size": 8388608'
    own write 0x300000 ours.bin
    expect "$chip: espota writes" 0 err:verified
    passes "$chip: esptool verifies what espota wrote" successful verify-flash 0x300000 ours.bin
    passes "$chip: esptool reads what espota wrote" "Read 4096 bytes" read-flash 0x300000 4096 back.bin
    check "$chip: and it is the same" cmp -n 4096 back.bin ours.bin
    passes "$chip: esptool erases" "" erase-region 0x210000 0x1000
    head -c 4096 /dev/zero | tr '\0' '\377' >blank.bin
    own verify 0x210000 blank.bin
    expect "$chip: espota finds it erased" 0 "err:are the same"
    own erase 0x300000+64K
    passes "$chip: esptool finds blank what espota erased" successful verify-flash 0x300000 blank.bin
    own flash --bootloader "$chip-bl.bin" --app "$chip-app.bin" --flash-size keep --force # esptool wrote there
    expect "$chip: espota flashes a bootloader and an app" 0 "err:boots next"
    passes "$chip: the bootloader is where esptool looks for it" successful \
        verify-flash "$bootloader" "$chip-bl.bin" 0x10000 "$chip-app.bin"
    header=(--flash-mode dout --flash-freq "$frequency" --flash-size)
    passes "$chip: esptool sets the header of a bootloader" "Hash of data verified" \
        write-flash "${header[@]}" 2MB "$bootloader" "$chip-bl.bin"
    run flash --port "file:$chip-ours.bin" --flash 8M --bootloader "$chip-bl.bin" "${header[@]}" 2M
    expect "$chip: espota sets it" 0 "err:verified"
    check "$chip: to the same bytes" cmp -i "$bootloader" -n 20480 "$chip.bin" "$chip-ours.bin"
    other=esp32c3
    [ "$chip" != esp32c3 ] || other=esp32
    run info --port "$UART" --chip "$other"
    expect "$chip: another --chip is an error that names it" 2 "err:is an ${name%-D0WDQ6},"
    stop_sim
done <<'END'
esp32 ESP32-D0WDQ6 40 0x1000 26m
esp32s2 ESP32-S2 40 0x1000 20m
esp32s3 ESP32-S3 40 0x0 20m
esp32c2 ESP32-C2 40 0x0 30m
esp32c3 ESP32-C3 40 0x0 26m
esp32c5 ESP32-C5 40 0x2000 20m
esp32c6 ESP32-C6 40 0x0 20m
esp32c61 ESP32-C61 40 0x0 20m
esp32h2 ESP32-H2 32 0x0 24m
esp32p4 ESP32-P4 40 0x2000 20m
END

# crystals, and what the ROM takes them for
start_sim --chip esp32c2 --crystal 26 --flash-file c2.bin --flash 4M --download
passes "esptool sees a 26 MHz crystal on an ESP32-C2" "26MHz" flash-id
run info --port "$REMOTE" --baud 460800
expect "espota too, and corrects the rate for it" 0 "out:26 MHz"
stop_sim
start_sim --chip esp32c5 --crystal 48 --flash-file c5.bin --flash 4M --download
passes "esptool sees a 48 MHz crystal on an ESP32-C5" "48MHz" flash-id
stop_sim

# protection
start_sim --chip esp32s3 --secure-boot --flash-encryption --flash-file s3.bin --flash 8M --download
esptool get-security-info
check "esptool reads the security info" grep -qi "Secure Boot.*Enabled" esptool.log
check "esptool sees flash encryption" grep -qi "Flash Encryption.*Enabled" esptool.log
run info --port "$UART" --after no-reset
expect "espota too" 0 "out:Secure boot:      on" "out:Flash encryption: on" "out:0x00000001 secure-boot"
run write 0x10000 ours.bin --port "$UART" --after no-reset
expect "and does not write there" 5 "err:boots only signed images" "err:--force"
run write 0x10000 ours.bin --port "$UART" --after no-reset --force
expect "unless forced" 0 "err:warning" "err:verified"
stop_sim
