#!/usr/bin/env bash
# Text from devices, files, servers and other people never tells the terminal what to do.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

# clear the screen, set the title; C1 in UTF-8 and as a byte; DEL; from right to left; backspace
EVIL=$'\e[2J\e]0;x\a\xc2\x9b1m\x9b1m\x7f\xe2\x80\xae\b\rX'
SHORT=$'a\e[2J\xc2\x9b\x7fz'

# harmless NAME TEXT: nothing of the last run obeys, and the TEXT is there.
harmless() {
    if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae|(?<![\xc2-\xf4\x80-\xbf])[\x80-\xbf]' stdout stderr; then
        not_ok "$1" "$(cat -v stdout stderr)"
    elif [[ "$OUT $ERR" != *"$2"* ]]; then
        not_ok "$1" "missing: $2" "$OUT" "$ERR"
    else
        ok "$1"
    fi
}

# ---- labels
printf '%s, data, nvs, 0x9000, 16K\notadata, data, ota, 0xd000, 8K\n%s, app, ota_0, 0x10000, 1M\n' "n$SHORT" "$SHORT" >labels.csv
run table labels.csv
harmless "labels in a table" "a?"
run table --json labels.csv
harmless "labels in JSON" '"name"'
script -qec "$ESPOTA table labels.csv --output -" /dev/null 2>/dev/null | tr -d '\r' >stdout
: >stderr
OUT=$(tr -d '\0' <stdout)
harmless "labels in CSV, on a terminal" "a?"
run table labels.csv --binary labels.bin -q
if [ -s labels.bin ]; then
    : >sim.out
    "$ESPOTA" sim -q -f flash.bin --flash 4M --no-pty --tcp 0 >sim.out 2>&1 </dev/null &
    sim=$!
    wait_for sim.out uart
    kill $sim
    wait $sim
    dd if=labels.bin of=flash.bin bs=4096 seek=8 conv=notrunc status=none
    run status --port file:flash.bin
    harmless "labels on a device" "a?"
    run read --port file:flash.bin nowhere out.bin
    harmless "labels in an error" "nowhere"
    run status --port file:flash.bin --json
    harmless "labels on a device, in JSON" '"name"'
fi

# ---- app descriptions
mkdir build
"$MKIMAGE" -o build/bootloader.bin --kind bootloader --size 20K
"$MKIMAGE" -o build/firmware.bin --project "$EVIL" --version "$EVIL" --size 64K
run image build/firmware.bin
harmless "an app description" "Project:"
run image build/firmware.bin --json
harmless "an app description in JSON" '"project"'
run flash --port file:app.bin --flash 4M build
harmless "flashing such an app" "written"
run status --port file:app.bin
harmless "such an app in a slot" "boots next"
run ota -v --port file:app.bin --file build/firmware.bin
harmless "updating with it" "verified"
start_sim --flash-file app.bin
run status --port "$UART"
harmless "asking its agent" "Running:"
stop_sim
cp "$SIM_LOG" stderr
: >stdout
ERR=$(tr -d '\0' <stderr) OUT=
harmless "the simulator's console" "app"

# ---- files
printf 'a, data, nvs, %s, 16K\n' "$EVIL" >bad.csv
run table bad.csv
harmless "a field in a CSV file" "bad.csv"
printf '# %s\n%s\n' "$EVIL" "$EVIL" >bad.csv
run table bad.csv
harmless "a line in a CSV file" "bad.csv"
run image "$EVIL"
harmless "a file's name" "X"
cp build/firmware.bin "$SHORT.bin"
run image "$SHORT.bin"
harmless "the name of a file that is there" "a?"
printf '%s' "$EVIL" >build/firmware.bin.md5
run ota --port file:app.bin --file build/firmware.bin
harmless "a sidecar" "firmware.bin.md5"
rm build/firmware.bin.md5
mkdir args
printf '{"flash_files": {"0x10000": "\\u001b[2J.bin", "\\u001b[2J": "b.bin"}, "extra_esptool_args": {"chip": "\\u001b[2J\\u009b"}}' >args/flasher_args.json
run flash --port file:new.bin --flash 4M args
harmless "a build folder's description" "args"
run backup -q --port file:app.bin saved.bin
sed -i 's/MicroPython_1/\\u001b[2J\\u009b\\u202eM/g; s/nvs/\\u001b[2J/g; s/\("[a-z_]*": "\)\([0-9a-f:]*"\)/\1\\u001b[2J\2/g' saved.bin.json
run restore -v --port file:app.bin saved.bin
harmless "a backup's description" "restored"

# ---- names on the command line
run "$EVIL"
harmless "a command" "no command"
run status "--$EVIL"
harmless "an option" "no such option"
run status --chip "$EVIL" --port file:app.bin
harmless "an option's value" "--chip"
run status --port "$EVIL"
harmless "a port" "cannot open"
run read --port file:app.bin "$EVIL" out.bin
harmless "a partition" "X"

# ---- the console of a device
printf 'I (1) app: \e[0;32mgreen\e[0m \e[2J\e[5A\e]0;title\a\eP1;2x\e\\\xc2\x9b5A\x9b5A\b\atab\there \xc3\xa4\xe2\x80\xae|\e]0;lost end\nnext\r\n\e[1;31mred\e[?25lEND\n' >console.txt
exec 3< <(exec python3 "$ROOT/tests/interop/lines.py" console.txt)
server=$!
PIDS+=("$server")
read -r port <&3
run monitor --port "tcp://127.0.0.1:$port" --until END --timeout 10
printf 'I (1) app: \e[0;32mgreen\e[0m ?5A?5Atab\there \xc3\xa4?|\nnext\n\e[1;31mredEND\n\e[0m' >expected.txt
[ "$STATUS" -eq 0 ] || not_ok "monitor ends" "$ERR"
cat -v stdout >seen.txt
cat -v expected.txt >should.txt
same "of a device's console only colours get through" should.txt seen.txt
run monitor --raw --port "tcp://127.0.0.1:$port" --until END --timeout 10
if cmp -s -n 60 stdout console.txt; then ok "--raw lets all through"; else not_ok "--raw lets all through" "$(cat -v stdout)"; fi
