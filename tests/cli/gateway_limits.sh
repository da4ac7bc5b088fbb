#!/usr/bin/env bash
# The gateway where a server or a device is at its worst: what it takes of memory, what it waits for, how often it says so.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../ddi.sh"
cd "$WORK" || exit 1
command -v jq >/dev/null || { skip "the gateway's limits" "jq is not installed"; exit; }
make_build --size 60K
"$MKIMAGE" -o new.bin --size 90K --version 2.0
"$MKIMAGE" -o large.bin --size 400K --version 4.0
"$MKIMAGE" -o other.bin --size 90K --version 2.0 --chip esp32c3
"$ESPOTA" flash -q -p file:base.bin --flash 4M -c esp32 build
mkdir files
cp new.bin large.bin other.bin files
for name in a b c; do
    echo $name >files/$name.bin
    truncate -s 30M files/$name.bin
done
says() { grep -q -- "$1" gateway.err; }
count() { grep -c -- "$1" gateway.err || true; }
failed() { # DEVICE ID TEXT
    echo "[$(closed "$1")[] | select(.[2].id == \"$2\")][0][2].status | .result.finished == \"failure\" and (.details[0] | contains(\"$3\"))"
}

# ---- memory
start kitchen
start cellar
serve server
list kitchen cellar >list.csv
gateway
learns "devices are there" '.devices.kitchen.attributes.chip == "esp32" and .devices.cellar.attributes.chip == "esp32"'
control '{"devices": {"kitchen": {"action": {"id": "1", "files": ["a.bin", "b.bin", "c.bin"]}}}}'
learns "more images than there is room for are refused" "$(failed kitchen 1 "at most 64 can be held at once")"
known '.settings.fetches == 0' && ok "before anything is fetched" || not_ok "before anything is fetched" "$(jq .settings known.json)"
control '{"devices": {"kitchen": {"action": {"id": "2", "files": ["a.bin", "b.bin"]}}, "cellar": {"action": {"id": "3", "files": ["c.bin", "new.bin"]}}}}'
learns "two at once, for which there is no room, come one after the other" "($(failed kitchen 2 "")) and (.devices.cellar.action == null)"
peak=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$GATEWAY/status")
echo "# at most $peak KiB"
if [ -n "${ESPOTA_SANITIZED:-}" ]; then
    skip "and memory is bounded" "a sanitizer takes its own"
elif [ "${peak:-999999}" -lt 150000 ]; then ok "and memory is bounded"; else not_ok "and memory is bounded" "$peak KiB"; fi
stop

# ---- the end
control '{"devices": {"kitchen": {"action": null}, "cellar": {"action": null}}}'
: >gateway.err
gateway
wait_until 20 says "2 devices"
kill "$GATEWAY"
wait "$GATEWAY"
status=$?
if [ $status -eq 0 ]; then ok "SIGTERM ends it in order"; else not_ok "SIGTERM ends it in order" "status $status"; fi
check "and it says so" says "gateway: stopped"

# ---- who waits for whom: one place, and a line that has its real speed
end kitchen
start kitchen --real-time
list kitchen cellar >list.csv
gateway --jobs 1
control '{"devices": {"kitchen": {"action": {"id": "10", "files": ["large.bin"]}, "config": false}, "cellar": {"config": false}}}'
learns "a slow update begins" '[.log[] | select(.[2].id == "10")] | length >= 1'
known true
before=$(jq .devices.cellar.polls known.json)
control '{"devices": {"cellar": {"action": {"id": "11", "files": ["new.bin"]}}}}'
learns "others are polled for meanwhile" ".devices.cellar.polls >= $before + 3 and .devices.kitchen.action.id == \"10\""
known '[.log[] | select(.[2].id == "11")] | length == 0' && ok "an update waits for its place" || not_ok "an update waits for its place"
control '{"devices": {"cellar": {"cancel": "12"}}}'
learns "and is cancelled in its turn, not after it" '.devices.cellar.action == null and .devices.cellar.cancel == null and .devices.kitchen.action.id == "10"'
stop
end kitchen

# ---- one who fetches for all, and may not
start kitchen
list kitchen cellar >list.csv
control '{"settings": {"refuse": "kitchen", "held": 0}, "devices": {"kitchen": {"action": {"id": "20", "files": ["new.bin"]}}}}'
: >gateway.err
gateway
learns "one fetches" '.settings.held == 1'
control '{"devices": {"cellar": {"action": {"id": "21", "files": ["new.bin"]}}}}'
learns "another one waits for it" '[.log[] | select(.[2].id == "21")] | length >= 1'
sleep 1
control '{"settings": {"refuse": null}}'
learns "and fetches itself, where the first one may not" '.devices.cellar.attributes.version == "2.0"'
says "cellar: action 21 waits" && not_ok "at once" "$(cat gateway.err)" || ok "at once"
check "which is told" wait_until 20 says "kitchen: action 20 waits"
stop

# ---- a server that is broken for long
control '{"settings": {"refuse": null}, "devices": {"kitchen": {"action": {"id": "'"$(printf 'x%.0s' {1..80})"'", "files": ["new.bin"]}}}}'
: >gateway.err
gateway
check "a deployment that is none is told" wait_until 20 says "kitchen: cannot get the deployment"
known true
before=$(jq .devices.kitchen.polls known.json)
learns "while it polls on" ".devices.kitchen.polls >= $before + 4"
[ "$(count "cannot get the deployment")" -eq 1 ] && ok "once" || not_ok "once" "$(cat gateway.err)"
control '{"devices": {"kitchen": {"action": null}}}'
stop

# ---- a server that does not heed what it is told
control '{"devices": {"kitchen": {"action": {"id": "30", "files": ["other.bin"]}, "repeat": [{"id": "30", "files": ["other.bin"]}, {"id": "31", "files": ["other.bin"]}]},
    "cellar": {"action": {"id": "40", "files": ["large.bin"]}, "repeat": [{"id": "40", "files": ["large.bin"]}, {"id": "41", "files": ["new.bin"]}]}}}'
gateway
learns "two actions in turn: each fails" "$(closed kitchen) | map(.[2].id) | contains([\"30\", \"31\"])"
learns "or each is done" "$(closed cellar) | map(.[2].id) | contains([\"40\", \"41\"])"
known true
before=$(jq .devices.kitchen.polls known.json)
learns "then it goes on polling" ".devices.kitchen.polls >= $before + 5"
known "([$(closed kitchen)[] | select(.[2].id == (\"30\", \"31\"))] | length <= 4) and ([$(closed cellar)[] | select(.[2].id == (\"40\", \"41\"))] | length <= 4)" &&
    ok "and not on and on updating" || not_ok "and not on and on updating" "$(jq -c '[.log[] | .[2].id]' known.json)"
stop

# ---- what a server says, in the log
control '{"devices": {"kitchen": {"repeat": null, "action": {"id": "\u001b]0;owned\u0007\u009b2J", "version": "\u202e1\n<0>forged", "files": ["new.bin"]}}, "cellar": {"repeat": null, "action": null}}}'
: >gateway.err
JOURNAL_STREAM=1:1 gateway
check "an odd action is begun" wait_until 20 says "kitchen: action"
stop
control '{"settings": {"raw": "{\"_links\": \u001b[2J\u0000"}}'
gateway
check "an odd answer is told" wait_until 20 says "kitchen: cannot poll"
stop
control '{"settings": {"raw": null}}'
gateway --json
printed() { grep -q message gateway.out; }
check "in JSON, too" wait_until 20 printed
stop
if grep -q $'[\001-\011\013-\037\177]\|\302\233\|\342\200\256' gateway.err gateway.out || grep -q '^<0>' gateway.err; then
    not_ok "nothing a terminal or a journal obeys" "$(cat -v gateway.err gateway.out)"
else
    ok "nothing a terminal or a journal obeys"
fi
