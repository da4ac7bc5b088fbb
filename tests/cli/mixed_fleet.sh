#!/usr/bin/env bash
# One list of agents and of boards with firmware of others, updated by one command; of each it is said what it does not promise.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
make_build --version 1.0 --seed 1 --size 100K
cp build/firmware.bin old.bin
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 120K
"$ESPOTA" flash -q -p file:base.bin --flash 4M -c esp32 --force2p --fs spiffs build
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >agent.key
printf 'swordfish\n' >rack.password
printf 'marlin\n' >wrong.password
chmod 600 agent.key rack.password wrong.password

# board NAME PATTERN ARGS...: a simulator; its address, by what its output says behind PATTERN, is in ADDRESS.
board() {
    local name=$1 pattern=$2
    shift 2
    cp base.bin "$name.bin"
    : >"$name.out"
    "$ESPOTA" sim --flash-file "$name.bin" --no-pty "$@" >"$name.out" 2>"$name.log" </dev/null &
    PIDS+=($!)
    is_up() { grep -q "^$pattern: " "$name.out"; }
    wait_until 20 is_up || not_ok "$name starts" "$(cat "$name.log")"
    ADDRESS=$(sed -n "s/^$pattern: //p" "$name.out")
}
boots() { if wait_for "$1.log" "App version:      $2"; then ok "$3"; else not_ok "$3" "$(cat "$1.log")"; fi; }
line() { grep "^$1: " <<<"$OUT"; }

mkdir rack
mv agent.key ./*.password rack
{
    echo name,address,key,tags
    board agent uart --tcp 0 --key rack/agent.key
    echo "agent,$ADDRESS,agent.key,ours"
    board arduino arduino --arduino-ota 0 --password-file rack/rack.password
    ARDUINO=$ADDRESS
    echo "arduino,arduino://$ADDRESS,rack.password,theirs"
    board esphome esphome --esphome-ota 0 --password-file rack/rack.password
    ESPHOME=$ADDRESS
    echo "esphome,ESPHome://$ADDRESS,rack.password,theirs"
    board open esphome --esphome-ota 0
    OPEN=$ADDRESS
    echo "open,esphome://$ADDRESS"
    python3 "$ROOT/tests/cli/web_device.py" elegant3 >web.out 2>web.err &
    PIDS+=($!)
    wait_until 20 test -s web.out || not_ok "a web page starts" "$(cat web.err)"
    echo "page,http://127.0.0.1:$(cat web.out)/update,,theirs"
} >rack/list.csv

run ota --devices rack/list.csv --file new.bin --restart
expect "a mixed rack is updated by one command" 0 "out:agent: written to 'MicroPython_2' and verified, restarted" \
    "out:arduino: sent, and it came back; not promised: verification, encryption, resume" \
    "out:esphome: sent, and it came back; not promised: verification, encryption, resume" "out:open: sent" "out:page: sent" "err:5 done, 0 failed"
cmp -s taken new.bin && ok "the page has it" || not_ok "the page has it" "$(cat web.err)"
sed -i "/^page/d" rack/list.csv
for name in agent arduino esphome open; do boots $name 2.0 "$name runs it"; done
for name in arduino open; do : >$name.log; done
run ota --devices rack/list.csv --file new.bin --restart --json
jq -c 'select(.name == "arduino" or .name == "open") | [.result.kind, .result.already, .result.returned, (.result.lacks | length)]' <<<"$OUT" | sort >lines
printf '%s\n' '["arduino",false,true,3]' '["esphome",false,true,3]' >wanted
same "what does not say what it runs gets it again" wanted lines
[ "$(jq -c 'select(.name == "agent") | .result.already' <<<"$OUT")" = true ] && ok "an agent does not" || not_ok "an agent does not" "$OUT"

# status and others: told for each that cannot
run status --devices rack/list.csv
expect "status of the rack" 1 "out:agent: runs 'MicroPython_2'" "out:arduino: cannot 'status' arduino://$ARDUINO: it speaks ArduinoOTA" \
    "out:esphome: cannot 'status'" "err:1 done, 3 failed"
run confirm --host "esphome://$OPEN"
expect "confirm of one" 1 "err:cannot 'confirm' esphome://$OPEN: it speaks ESPHome's OTA"
run reset --host "arduino://$ARDUINO" --via agent
expect "reset of one" 1 "err:it speaks ArduinoOTA, which takes updates ('espota ota') and nothing else"

# --host
: >open.log
run ota --host "esphome://$OPEN" --file old.bin
expect "one, by --host" 0 "err:speaks ESPHome's OTA: nothing is encrypted" "err:It is back"
boots open 1.0 "has it"
run ota --host "esphome://$OPEN" --host "arduino://$ARDUINO" --file old.bin --password-file rack/rack.password
expect "several by --host, with one password" 0 "out:arduino://$ARDUINO: sent" "out:esphome://$OPEN: sent" "err:2 done"
run ota --host "arduino://$ARDUINO" --host "ARDUINO://$ARDUINO" --file old.bin
expect "one twice" 2 "err:name it once"

# canaries, and what goes wrong
sed -i 's/^esphome,\(.*\),rack.password/esphome,\1,wrong.password/' rack/list.csv
run ota --devices rack/list.csv --tag theirs --file new.bin --restart
expect "a wrong password is that device's own" 1 "out:arduino: sent" "out:esphome: " "err:1 done, 1 failed"
line esphome | grep -q password && ok "and it is said" || not_ok "and it is said" "$OUT"
sed -i '/^agent/d; /^arduino/d' rack/list.csv
run ota --devices rack/list.csv --file new.bin --restart --canary 1
expect "a canary of that kind holds back the others" 1 "err:0 done, 1 failed, 1 not begun"
echo "gone,arduino://127.0.0.1:1" >>rack/list.csv
run ota --devices rack/list.csv --file new.bin --trial
expect "what they cannot do is refused" 1 "out:open: cannot update" "err:0 done, 3 failed"

# options
run ota --devices rack/list.csv --arduino "$ARDUINO" --file new.bin
expect "a list and one of them" 2 "err:list the addresses, as arduino://HOST"
run ota --devices rack/list.csv --file new.bin --listen-port 4711
expect "one port for many" 2 "err:--listen-port is for one device"
run ota --host "arduino://$ARDUINO" --esphome "$ESPHOME" --file new.bin
expect "two kinds" 2 "err:"
"$MKIMAGE" -o other.bin --version 2.0 --seed 3 --size 100K --chip esp32c3
run ota --devices rack/list.csv --file other.bin --chip esp32
expect "another chip's image, where the chip is said" 4 "err:but the device is an ESP32"
