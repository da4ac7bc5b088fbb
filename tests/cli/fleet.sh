#!/usr/bin/env bash
# One command for many devices: lists, lines, canaries, and that one that fails holds back nobody.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
DEVICES=8
make_build --size 60K
"$MKIMAGE" -o new.bin --size 90K --version 2.0
"$MKIMAGE" -o newer.bin --size 95K --version 3.0
"$MKIMAGE" -o large.bin --size 900K --version 9.0
"$ESPOTA" flash -q -p file:base.bin --flash 4M -c esp32 build
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >d1.key
chmod 600 d1.key

devices=() # the simulators' ids
declare -A port address
start() { # NUMBER ARGS...: a device, whose address is then in ${address[NUMBER]}
    local number=$1
    shift
    cp base.bin "d$number.bin"
    again "$number" "$@"
}
again() { # the same, with the flash that it has
    local number=$1
    shift
    rm -f "s$number.json"
    "$ESPOTA" sim -f "d$number.bin" --no-pty --tcp "${port[$number]:-0}" --json "$@" >"s$number.json" 2>"d$number.log" </dev/null &
    devices[number]=$!
    PIDS+=($!)
    up() { [ -s "s$number.json" ]; }
    wait_until 20 up || not_ok "device $number starts"
    port[$number]=$(sed -n 's/.*"tcp_port": \([0-9]*\),*/\1/p' "s$number.json")
    address[$number]=tcp://127.0.0.1:${port[$number]}
}
stop() { kill "${devices[$1]}" 2>/dev/null && wait "${devices[$1]}" 2>/dev/null; }
start 1 --key d1.key
for i in $(seq 2 $DEVICES); do start "$i"; done
{
    echo '# the bench'
    echo 'tags,name,address,room,key'
    echo "\"first beta\",one,${address[1]},\"a room, with a comma\",d1.key"
    echo "beta,two,${address[2]}"
    for i in $(seq 3 $DEVICES); do echo "lab,d$i,${address[$i]},,"; done
} >list.csv
mkdir away && cp list.csv d1.key away/

run status --devices list.csv
expect "all devices of a list" 0 "out:one: runs 'MicroPython_1'" "out:d$DEVICES: runs 'MicroPython_1'" "err:$DEVICES done, 0 failed"
[ "$(wc -l <<<"$OUT")" -eq $DEVICES ] && ok "a line for each" || not_ok "a line for each" "$OUT"
run status --devices away/list.csv --tag beta
expect "those with a tag; keys lie beside the list" 0 "out:two: runs" "err:2 done"
[[ $OUT != *"d3:"* ]] && ok "and no other" || not_ok "and no other" "$OUT"
run status -p "${address[2]}" -p "${address[3]}"
expect "ports given several times" 0 "out:${address[2]}: runs" "out:${address[3]}: runs"

run ota --devices list.csv --file new.bin --restart
expect "an update of all" 0 "out:d4: written to 'MicroPython_2' and verified, restarted" "err:$DEVICES done, 0 failed, 0 not begun"
run ota --devices list.csv --file new.bin --restart
expect "again there is nothing to do" 0 "out:d4: runs it already"
[ "$(grep -c 'runs it already' <<<"$OUT")" -eq $DEVICES ] && ok "for any of them" || not_ok "for any of them" "$OUT"
run status --devices list.csv --json
printf '%s\n' "$OUT" >lines
if python3 -c '
import json, sys
lines = [json.loads(line) for line in open("lines")]
assert len(lines) == int(sys.argv[1]) + 1
assert all(line["error"] is None and line["result"]["running"] == "MicroPython_2" for line in lines[:-1])
assert sorted(line["name"] for line in lines[:-1])[-2:] == ["one", "two"]
summary = lines[-1]["summary"]
assert summary["done"] == summary["devices"] == len(lines) - 1 and summary["failed"] == summary["not_begun"] == 0
' "$DEVICES" 2>err; then ok "JSON by lines"; else not_ok "JSON by lines" "$(cat err)" "$OUT"; fi

# some are away, one lies, one is slow
stop 5
run ota --devices list.csv --file newer.bin --restart
expect "one that is away is told, and holds back nobody" 3 "out:d5: cannot connect" "err:$((DEVICES - 1)) done, 1 failed, 0 not begun" "err:1 of $DEVICES devices failed"
again 5
run ota --devices list.csv --file newer.bin --restart
expect "the same again does what is left" 0 "out:d5: written to 'MicroPython_1'" "out:d4: runs it already"
stop 5 && stop 6 && start 6 --key d1.key
run ota --devices list.csv --file new.bin --restart --json
[ "$STATUS" -ne 0 ] && printf '%s\n' "$OUT" >lines && python3 -c '
import json
lines = {line.get("name"): line for line in map(json.loads, open("lines"))}
assert lines["d5"]["error"]["exit"] == 3 and lines["d5"]["result"] is None
assert lines["d6"]["error"] and lines["d7"]["error"] is None and lines["d7"]["result"]["to"]
assert lines[None]["summary"]["failed"] == 2
' 2>err && ok "failures as JSON, and nothing but lines" || not_ok "failures as JSON, and nothing but lines" "$STATUS" "$(cat err)" "$OUT"
stop 6
start 5 && start 6

# canaries
"$MKIMAGE" -o bad.bin --size 90K --version 6.6
for i in $(seq $DEVICES); do stop "$i"; start "$i"; done
sed -i '/^beta,two/d; /first/d' list.csv # none with a key
stop 3
run ota --devices list.csv --file new.bin --restart --canary 2
expect "a canary that fails leaves the others as they are" 3 "out:d3: cannot connect" "err:1 done, 1 failed, 4 not begun" \
    "err:1 of the first 2 devices failed: the other 4 were left as they are"
run status -p "${address[5]}"
expect "as they were" 0 "out:Running:     MicroPython_1"
again 3
run ota --devices list.csv --file new.bin --restart --canary 2
expect "canaries that come back let the others follow" 0 "err:6 done, 0 failed, 0 not begun"
first=$(head -2 <<<"$OUT" | cut -d: -f1 | sort | tr '\n' ' ')
[ "$first" = "d3 d4 " ] && ok "after them" || not_ok "after them" "$OUT"

run confirm --devices list.csv
expect "confirm" 0 "out:d8: 'MicroPython_2' boots next"
run reset --via agent --devices list.csv --jobs 2
expect "reset, two at a time" 0 "out:d8: restarted, from flash"
for i in 3 4; do "$ESPOTA" flash -q -p "file:f$i.bin" --flash 4M -c esp32 build; done
run flash -p file:f3.bin -p file:f4.bin --app new.bin
expect "flash" 0 "out:file:f3.bin: flashed" "out:file:f4.bin: flashed"

# many, of which some are cut off in the middle or acknowledge what their flash does not hold
mkfifo hold
"$BUILD/tools/board_farm" 20 3 0 3 400000 build/firmware.bin farm.key farm.csv <hold >farm.log 2>&1 &
PIDS+=($!)
exec 7>hold
farm_is_up() { [ -s farm.csv ]; }
wait_until 20 farm_is_up || not_ok "the boards start" "$(cat farm.log)"
run ota --devices farm.csv --file large.bin --json
printf '%s\n' "$OUT" >lines
if [ "$STATUS" -eq 1 ] && python3 -c '
import csv, json
kinds = {row["name"]: row["tags"] for row in csv.DictReader(open("farm.csv"))}
lines = [json.loads(line) for line in open("lines")]
ends = {line["name"]: line for line in lines[:-1]}
assert ends.keys() == kinds.keys() and len(lines) == 21
for name, kind in kinds.items():
    assert (ends[name]["error"] is None) == (kind == "good"), (name, kind, ends[name]["error"])
    assert (ends[name]["result"] is not None) == (kind == "good")
assert all(ends[name]["error"]["exit"] == 3 for name, kind in kinds.items() if kind == "cut")
assert lines[-1]["summary"]["done"] == 14 and lines[-1]["summary"]["failed"] == 6
' 2>err; then ok "6 of 20 fail, each is told, the others are done"; else not_ok "6 of 20 fail, each is told, the others are done" "$STATUS" "$(cat err)" "$OUT" "$ERR"; fi
exec 7>&-

# not so
run ota --devices list.csv --file nowhere.bin
expect "an image that is not there" 1 "err:nowhere.bin"
[ -z "$OUT" ] && ok "is looked for once, before any device" || not_ok "is looked for once, before any device" "$OUT"
run ota --devices list.csv --file build/bootloader.bin
expect "what is no app image" 4 "err:bootloader"
run read nvs out.bin -p "${address[3]}" -p "${address[4]}"
expect "a command for one device" 2 "err:works on one device"
run status -p "${address[3]}" --jobs 3
expect "options for many with one" 2 "err:--jobs"
run status -p "${address[3]}" -p "${address[3]}"
expect "one device twice" 2 "err:name it once"
run status --devices list.csv --tag nobody
expect "nobody has the tag" 3 "err:list.csv lists no device of that kind"
run status --devices nowhere.csv
expect "no list" 1 "err:nowhere.csv"
echo 'name,adress' >bad.csv
run status --devices bad.csv
expect "a list without addresses" 2 "err:bad.csv is no list of devices: its first line"
printf 'name,address\na,/dev/x\n\na,/dev/y\n' >bad.csv
run status --devices bad.csv
expect "a name twice" 2 "err:lists 'a' twice"
printf 'name,address\nb,\n' >bad.csv
run status --devices bad.csv
expect "a device without address" 2 "err:bad.csv, line 2"
printf 'name,address\n\0,x\n' >bad.csv
run status --devices bad.csv
expect "what is no text" 2 "err:no text"
: >bad.csv
run status --devices bad.csv
expect "an empty list" 2 "err:it is empty"

# Ctrl-C: no more are begun, those at work stop
for i in $(seq 3 $DEVICES); do stop "$i"; start "$i" --real-time; done
"$ESPOTA" ota --devices list.csv --file large.bin --jobs 2 >out 2>err </dev/null &
pid=$!
PIDS+=("$pid")
sleep 2
began=$SECONDS
kill -INT $pid
wait $pid
STATUS=$?
[ $STATUS -eq 130 ] && grep -q "0 done, 2 failed, 4 not begun" err && [ $((SECONDS - began)) -lt 20 ] && ok "Ctrl-C ends it" || not_ok "Ctrl-C ends it" "$STATUS" "$(cat out err)"
