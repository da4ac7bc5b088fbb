#!/usr/bin/env bash
# devices --network: agents, ArduinoOTA and ESPHome by mDNS, from a real Avahi daemon, and what strangers announce.
source "$(dirname "$0")/../lib.sh"
source "$(dirname "$0")/../mdns.sh"
cd "$WORK" || exit 1

if [ -z "${TEST_NETWORK:-}" ]; then
    run devices --csv
    expect "what is about the network goes with --network" 2 "err:go with --network"
    run devices --network --service printer
    expect "a service that is none" 2 "err:use agent, arduino, esphome or all"
    run devices --network --timeout 0
    expect "no time" 2 "err:--timeout takes 1 to 600 seconds"
    run devices --network --csv --json
    expect "one form of output" 2 "err:--csv and --json contradict"
    run devices --network --csv --service esphome
    expect "a list for --devices is of agents" 2 "err:leave --service out"
    run devices --network --port-filter vid=1
    expect "a filter of ports" 2 "err:--port-filter is about ports"
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$WORK/nowhere
    run devices --network
    expect "without an Avahi daemon, what to do is said" 1 "err:avahi-daemon, which speaks mDNS for this machine, does not run" \
        "err:install the package avahi-daemon, and start it" "err:reached with --host"
    run devices --network --json
    expect "in JSON too" 1 'out:"status": "io"' 'out:"hint": "name-host"'
    "$MKIMAGE" -o build.bin
    head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >key
    chmod 600 key
    run sim --flash-file flash.bin --flash 4M --announce bench
    expect "only what listens can be announced" 2 "err:--announce needs --listen"
    run sim --flash-file flash.bin --flash 4M --no-pty --key key --listen 0 --announce bench
    expect "nor can it be without a daemon" 1 "err:cannot announce the agent on the network: avahi-daemon"
    unset DBUS_SYSTEM_BUS_ADDRESS
fi
own_network
network_up

# found ARGS...: the devices, after a second.
found() { run devices --network --timeout 1 "$@"; }
# finds TEXT ARGS...: sooner or later they have the text.
finds() {
    found "${@:2}"
    [[ $OUT == *"$1"* ]]
}

found
expect "a network without devices is no error" 0 "err:No agent announces itself here"
found --json
expect "in JSON it is empty" 0 'out:"devices": []'

# ---- an agent, from announcement to update
make_build --version 1.0 --project lamp --seed 1 --size 64K
"$MKIMAGE" -o new.bin --version 2.0 --project lamp --seed 2 --size 64K
"$ESPOTA" flash -q --port file:board.bin --flash 4M --force2p build
for name in key other.key; do
    head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >$name
    chmod 600 $name
done
cp board.bin strange.bin
start_sim --flash-file board.bin --key key --listen 0 --announce "my lamp"
wait_until 20 heard 'my\032lamp'
found
expect "an agent is found, with what it runs" 0 "out:NAME     SERVICE  ADDRESS" "out:my lamp  agent    $AGENT" "out:esp32  lamp     1.0      yes"
found --json
check "and all that it says" jq -e --arg address "$AGENT" '.devices | length == 1 and (.[0] | .address == $address and .chip == "esp32" and
    .project == "lamp" and .version == "1.0" and .id == "240ac4000110" and .protocol == 1 and .key_needed and .network == "lo" and
    .host == "bench.local" and (.attributes[0] | .key == "txtvers" and .value == "1") and ([.attributes[] | .key] | sort == ["chip", "key", "mac", "project", "proto", "txtvers", "version"]))' stdout
found --csv
expect "as a list" 0 "out:name,address,key,tags,chip,project,version,id" "out:my lamp,$AGENT,,lamp esp32,esp32,lamp,1.0,240ac4000110"
cp stdout found.csv
run ota --devices found.csv --tag lamp --key key --file new.bin --restart
expect "which --devices takes" 0 "out:my lamp: " "err:1 done, 0 failed"
wait_until 20 finds "2.0"
expect "what runs now is announced" 0 "out:lamp     2.0      yes"
kill -USR2 "$SIM_PID"
no_lamp() { ! finds "my lamp"; }
wait_until 20 no_lamp
expect "in download mode there is no agent" 0 "err:No agent announces itself"
kill -USR1 "$SIM_PID"
check "after a reset there is one again" wait_until 20 finds "my lamp"

# ---- a stranger
start_sim --flash-file strange.bin --key other.key --listen 0 --announce "my lamp"
wait_until 20 heard 'my\032lamp\032\0352'
found --csv
expect "two may want one name" 0 "out:my lamp," "out:my lamp #2,$AGENT"
cp stdout found.csv
cp strange.bin before.bin
run ota --devices found.csv --key key --file new.bin
expect "one that does not have the key is not updated" 1 "out:my lamp #2: " "err:1 done, 1 failed"
same "and gets nothing" strange.bin before.bin
stop_sim
start_sim --flash-file strange.bin
publish -s "open door" _espota._tcp "${UART##*:}" proto=1 chip=esp32 key=no
wait_until 20 heard 'open\032door'
found --csv
grep -e '^name' -e '^open' stdout >open.csv
run ota --devices open.csv --key key --file new.bin
expect "nor is one that asks for no key" 5 "out:open door: " "out:asks for no key, though one was given"
same "whatever it announces" strange.bin before.bin
publish -s "aaa liar" _espota._tcp "${UART##*:}"
wait_until 20 heard 'aaa\032liar'
found --csv
expect "two names for one address are one" 0 "out:aaa liar," "err:'aaa liar' and 'open door' announce one address, 127.0.0.1:${UART##*:}: it is listed once"

# ---- devices of others
publish -s desk _arduino._tcp 3232 board=esp32dev tcp_check=no ssh_upload=no auth_upload=yes
publish -s hall _esphomelib._tcp 6053 "friendly_name=Hall light" version=2025.7.1 mac=a0b1c2d3e4f5 platform=ESP32 board=esp32dev
wait_until 20 heard hall && wait_until 20 heard desk
found --service arduino
expect "ArduinoOTA" 0 "out:desk  arduino  127.0.0.1:3232  esp32dev  -        -        yes"
found --service esphome
expect "ESPHome" 0 "out:hall  esphome  127.0.0.1  ESP32  ESPHome  2025.7.1  -"
found --service all
expect "all at once" 0 "out:my lamp" "out:desk" "out:hall"

# ---- hostile text
publish -s $'a"b,c\033[2J' _espota._tcp 9001 $'version=\033]0;owned\007' $'project=\342\200\256evil, \"quoted\"' "chip=$(printf 'x%.0s' {1..250})"
publish -s '#comment' _espota._tcp 9002
wait_until 20 finds ":9001"
wait_until 20 finds ":9002"
for form in "" --csv --json; do
    # shellcheck disable=SC2086
    found $form
    if grep -q $'[\001-\011\013-\037\177]\|\342\200\256' stdout stderr; then
        not_ok "nothing a terminal obeys ${form:-as a table}" "$(cat -v stdout)"
    else
        ok "nothing a terminal obeys ${form:-as a table}"
    fi
done
found --csv
check "what another CSV reader makes of it" python3 - <<'PY'
import csv
rows = {row["name"]: row for row in csv.DictReader(open("stdout", newline=""))}
assert rows['a"b,c?[2J']["address"] == "127.0.0.1:9001", rows
assert rows['a"b,c?[2J']["project"] == '?evil, "quoted"', rows
assert all(row["key"] == "" for row in rows.values()), rows
PY
grep -e '^name' -e :900 stdout >odd.csv
run status --devices odd.csv --key key
expect "and --devices" 3 'out:a"b,c?[2J: cannot connect' "out:?comment: cannot connect" "err:0 done, 2 failed"

# ---- one who floods the network: names by the thousand, of hosts that there are not
python3 - >flood.log 2>&1 <<'PY' &
import socket, struct, time
def name(*labels):
    return b"".join(bytes([len(l)]) + l for l in labels) + b"\0"
service = name(b"_espota", b"_tcp", b"local")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 5353))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
for turn in range(100):
    for batch in range(60):
        answers = b""
        for i in range(20):
            data = name(b"flood-%d" % (batch * 20 + i) + b"\x1b" * 40, b"_espota", b"_tcp", b"local")
            answers += service + struct.pack("!HHIH", 12, 1, 4500, len(data)) + data
        s.sendto(struct.pack("!6H", 0, 0x8400, 0, 20, 0, 0) + answers, ("224.0.0.251", 5353))
        time.sleep(0.02) # Avahi itself must keep up
    time.sleep(5)
PY
FLOOD=$!
PIDS+=("$FLOOD")
check "a flood is heard" wait_until 60 finds "flood-"
started=$SECONDS
found
elapsed=$((SECONDS - started))
check "and does not hold it up" test $elapsed -le 30
found --json
check "and is bounded" jq -e '(.devices | length) <= 1024 and (.devices | length) > 100' stdout
found --csv
check "names without an address are no part of a list" test -z "$(grep flood stdout)"
kill "$FLOOD"
wait "$FLOOD" 2>/dev/null

# ---- the end of the daemon
"$ESPOTA" devices --network --timeout 600 >ended.out 2>ended.err &
ended=$!
wait_until 20 waits "$ended"
kill "$AVAHI_PID"
wait "$ended"
# shellcheck disable=SC2034
STATUS=$? OUT=$(cat ended.out) ERR=$(cat ended.err)
expect "a daemon that ends is told" 1 "err:avahi-daemon has ended"
