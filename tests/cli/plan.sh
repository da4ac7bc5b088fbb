#!/usr/bin/env bash
# espota plan, as scripts use it.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

run plan --flash 16M
expect "prints a table and a map" 0 "out:Layout 3p" "out:MicroPython_2" "out:13248K" "out:[+DDD+EEE+FFF+GGG"
run plan --flash 4M --csv
expect "prints CSV" 0 "out:MicroPython_1,app,ota_0,0x10000,1M,"
run plan --flash 4M --json
expect "prints JSON" 0 'out:"layout": "2p"'
printf '%s' "$OUT" >plan.json
check "the JSON is JSON" python3 -m json.tool plan.json
run plan --flash 4M -o t.csv --binary t.bin -q
expect "writes CSV and binary" 0
run table t.csv --binary u.bin -q
expect "its CSV is a valid table" 0
same "CSV and binary agree" t.bin u.bin
run plan --flash 4M --fssize 3M
expect "warns of a reduced file system" 0 "err:warning: file system reduced from 3072K to 1984K to fit"

wrong() { # NAME STATUS TEXT ARGS...
    local name=$1 status=$2 text=$3
    shift 3
    run plan "$@" -o wrong.csv --binary wrong.bin
    expect "$name" "$status" "err:$text"
    if compgen -G 'wrong.*' >/dev/null; then not_ok "$name: leaves no file" "$(ls wrong.*)"; else ok "$name: leaves no file"; fi
}
wrong "flash size missing" 2 "--flash SIZE"
wrong "impossible flash size" 2 "no ESP32 has" --flash 3M
wrong "no size at all" 2 "is not a size" --flash 4Q
wrong "overflowing size" 2 "is not a size" --flash 99999999999M
wrong "negative size" 2 "is not a size" --flash -4M
wrong "force3p on 4M" 2 "needs 8M" --flash 4M --force3p
wrong "both force options" 2 "contradict" --flash 16M --force2p --force3p
wrong "app larger than flash" 1 "does not fit a flash" --flash 4M --appsize 5M
wrong "no room for a file system" 1 "use --appsize" --flash 4M --appsize 2M
wrong "unknown option" 2 "no such option" --flash 4M --frobnicate
echo hello >hello.bin
wrong "app file is no image" 4 "it is plain text" --flash 4M --app hello.bin
wrong "app file is missing" 1 "No such file" --flash 4M --app nowhere.bin

run plan --flash 4M -o /nonexistent/t.csv
expect "output folder is missing" 1 "err:/nonexistent/t.csv"
echo old >keep.csv
run plan --flash 4M --appsize 2M -o keep.csv
check "an old file survives a failed plan" grep -qx old keep.csv
"$ESPOTA" plan --flash 4M >/dev/full 2>full.err
[ $? -eq 1 ] && grep -q 'the disk is full' full.err && ok "a full disk is an error" || not_ok "a full disk is an error" "$(cat full.err)"
run plan --json --flash 3M
expect "a failure as JSON" 2 'out:"status": "usage"' 'out:"exit": 2'

while read -r name args; do
    # shellcheck disable=SC2086
    run plan $args --binary v.bin -q
    same "layout $name byte for byte" v.bin "$ROOT/tests/data/tables/$name.bin"
done <<'LIST'
single-4M --flash 4M --no-ota
2p-4M --flash 4M
2p-8M --flash 8M
2p-16M-forced --flash 16M --force2p
3p-16M --flash 16M
3p-8M-forced --flash 8M --force3p
3p-16M-app1728K --flash 16M --appsize 1728K
LIST

# ---- layouts of other firmware -----------------------------------------------------------------------------------------
for firmware in micropython circuitpython arduino esphome tasmota; do
    run plan --flash 4M --for $firmware --json
    expect "--for $firmware" 0 "out:\"for\": \"$firmware\""
    run plan --flash 4M --for $firmware --csv
    printf '%s\n' "$OUT" >for.csv
    run table for.csv --flash 4M
    expect "its CSV is a valid table" 0
done
run plan --flash 4M --for lobo --binary u.bin -q
same "--for lobo is what is planned without it" t.bin u.bin
run plan --flash 8M --for tasmota
expect "and is said" 0 "out:Layout safeboot of tasmota for 8M of flash: a small app that updates, and one OTA slot"
wrong "an unknown firmware" 2 "no layout is known for 'arduboy', but --for micropython" --flash 4M --for arduboy
wrong "a size that its project does not have" 2 "but for 2M, 4M, 8M, 16M; give one of them with --flash" --flash 32M --for tasmota
wrong "a size that cannot be chosen" 2 "cannot be chosen" --flash 4M --for arduino --appsize 1M
"$MKIMAGE" -o app.bin --size 1300K
wrong "an app that does not fit" 1 "'app0' in the layout for arduino holds 1310720" --flash 4M --for arduino --app app.bin
run plan --flash 32M --for arduino
expect "an app beyond 16M" 0 "err:warning: 'app1' ends beyond the first 16M"
