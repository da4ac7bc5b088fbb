#!/usr/bin/env bash
# The gateway, against a server that answers as hawkBit does: what it tells, what it does, and what it does not do twice.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../ddi.sh"
cd "$WORK" || exit 1
command -v jq >/dev/null || { skip "the gateway" "jq is not installed"; exit; }
make_build --size 60K
"$MKIMAGE" -o new.bin --size 90K --version 2.0
"$MKIMAGE" -o newer.bin --size 95K --version 3.0
"$MKIMAGE" -o large.bin --size 200K --version 4.0
"$MKIMAGE" -o other.bin --size 90K --version 2.0 --chip esp32c3
"$ESPOTA" flash -q -p file:base.bin --flash 4M -c esp32 build
mkdir files
cp new.bin newer.bin large.bin other.bin files

# ---- what a device is, and one update of two at a time
start kitchen
start cellar
serve server
list kitchen cellar >list.csv
echo 'nowhere,tcp://127.0.0.1:9,lab' >>list.csv
gateway --metrics metrics.prom
learns "the server learns what the devices are" \
    '.devices.kitchen.attributes.chip == "esp32" and .devices.cellar.attributes.version == "1.0" and .devices.kitchen.attributes.layout != null'
control '{"devices": {"kitchen": {"action": {"id": "1", "files": ["new.bin"]}}, "cellar": {"action": {"id": "2", "files": ["new.bin"]}},
    "nowhere": {"action": {"id": "3", "files": ["new.bin"]}}}}'
learns "both are updated" "($(closed kitchen) | length == 1) and ($(closed cellar) | length == 1)"
known "$(closed kitchen)[0][2].status.result.finished == \"success\"" && ok "and it is told that all went well" || not_ok "and it is told that all went well" "$(jq -c .log known.json)"
known '.settings.fetches == 1' && ok "the artifact is fetched once for all" || not_ok "the artifact is fetched once for all" "$(jq .settings known.json)"
learns "and what they run now" '.devices.kitchen.attributes.version == "2.0"'
learns "a device that is not there is reported, and stays open" \
    '.devices.nowhere.action.id == "3" and ([.log[] | select(.[0] == "nowhere" and .[2].status.execution == "proceeding")] | length >= 2)'
control '{"devices": {"nowhere": {"cancel": "9"}}}'
learns "and can be cancelled" '.devices.nowhere.action == null and .devices.nowhere.cancel == null'

# ---- the ways of a deployment
control '{"devices": {"kitchen": {"action": {"id": "10", "files": ["newer.bin"], "update": "skip"}}}}'
learns "download only: fetched, and no more" \
    '[.log[] | select(.[1] == "deploymentBase" and .[2].id == "10")][-1][2].status.execution == "downloaded" and .devices.kitchen.action == null'
control '{"devices": {"kitchen": {"action": {"id": "11", "files": ["newer.bin"], "window": "unavailable"}}}}'
learns "outside of its window: fetched" '[.log[] | select(.[1] == "deploymentBase" and .[2].id == "11")][-1][2].status.execution == "downloaded"'
known '.devices.kitchen.attributes.version == "2.0"' && ok "and not installed" || not_ok "and not installed"
control '{"devices": {"kitchen": {"action": {"id": "11", "files": ["newer.bin"], "window": "available"}}}}'
learns "until it is time" '.devices.kitchen.attributes.version == "3.0"'
known '.settings.fetches == 2' && ok "what was fetched is not fetched again" || not_ok "what was fetched is not fetched again" "$(jq .settings known.json)"
control '{"devices": {"kitchen": {"action": {"id": "12", "files": ["new.bin"], "confirm": true}}}}'
sleep 2
known '.devices.kitchen.action.confirm' && ok "consent is not given unasked" || not_ok "consent is not given unasked"
stop
gateway --consent --jobs 1
learns "where it is to give it, it does" '.devices.kitchen.attributes.version == "2.0"'

# ---- what is refused
control '{"devices": {"cellar": {"action": {"id": "20", "files": ["other.bin"]}}}}'
learns "another chip's image fails" "[$(closed cellar)[] | select(.[2].id == \"20\")][0][2].status | .result.finished == \"failure\" and (.details[0] | contains(\"ESP32-C3\"))"
control '{"devices": {"cellar": {"action": {"id": "21", "files": ["newer.bin"], "sha256": "'"$(head -c 64 /dev/zero | tr '\0' 1)"'"}}}}'
learns "and one of another hash" "[$(closed cellar)[] | select(.[2].id == \"21\")][0][2].status | .result.finished == \"failure\" and (.details[0] | contains(\"another hash\"))"
control '{"devices": {"cellar": {"action": {"id": "22", "files": ["other.bin", "newer.bin"]}}}}'
learns "of several images the chip's own is taken" '.devices.cellar.attributes.version == "3.0"'

# ---- cut off at any moment
control '{"devices": {"cellar": {"action": {"id": "30", "files": ["large.bin"]}}}}'
learns "an update begins" '[.log[] | select(.[1] == "deploymentBase" and .[2].id == "30")] | length >= 1'
kill -9 "$GATEWAY"
wait "$GATEWAY" 2>/dev/null
gateway
learns "another gateway ends it" '.devices.cellar.action == null and .devices.cellar.attributes.version == "4.0"'
known "[$(closed cellar)[] | select(.[2].id == \"30\")] | length == 1" && ok "once" || not_ok "once" "$(jq -c .log known.json)"
stop

# ---- cancelled in the middle: the line has its real speed
end kitchen
start kitchen --real-time
list kitchen >list.csv
gateway
control '{"devices": {"kitchen": {"action": {"id": "40", "files": ["large.bin"]}}}}'
learns "a slow update begins" '[.log[] | select(.[1] == "deploymentBase" and .[2].id == "40")] | length >= 1'
sleep 1
control '{"devices": {"kitchen": {"cancel": "41"}}}'
learns "and is stopped" '.devices.kitchen.action == null and .devices.kitchen.cancel == null and [.log[] | select(.[1] == "cancelAction")][-1][2].status.execution == "closed"'
stop
run status -p "${address[kitchen]}"
expect "what ran before runs" 0 "out: 2.0 [running]"

# ---- servers
control '{"settings": {"raw": "{"}}'
gateway
says() { grep -q -- "$1" gateway.err; }
check "an answer that is none is told" wait_until 20 says "kitchen: cannot poll: the server's answer is no answer to a poll"
stop
control '{"settings": {"raw": null, "gateway": "a-secret"}}'
: >gateway.err
gateway
check "nor does it get in without a token" wait_until 20 says "HTTP status 401: is the token right?"
stop
echo a-secret >token
chmod 600 token
(umask 077 && echo its-own >own.token)
control '{"settings": {"tokens": {"kitchen": "its-own"}}, "devices": {"kitchen": {"config": true, "attributes": {}}}}'
gateway --gateway-token-file token
learns "with the gateway's it does" '.devices.kitchen.attributes.chip == "esp32"'
stop
printf 'name,address,token\nkitchen,%s,own.token\n' "${address[kitchen]}" >list.csv
control '{"devices": {"kitchen": {"config": true, "attributes": {}}}}'
gateway
learns "and with one of its own" '.devices.kitchen.attributes.chip == "esp32"'
first=$PORT
serve elsewhere
other=$PORT PORT=$first
control '{"settings": {"elsewhere": "http://127.0.0.1:'"$other"'/lab/controller/v1"}, "devices": {"kitchen": {"action": {"id": "50", "files": ["newer.bin"]}}}}'
learns "an artifact may lie elsewhere" '.devices.kitchen.attributes.version == "3.0"'
PORT=$other
known '[.log[] | select(.[1] == "artifact")] == [["kitchen", "artifact", null]]' && ok "which is not told the token" || not_ok "which is not told the token" "$(jq -c .log known.json)"
stop

# ---- what is known need not be fetched, and what a device runs is what it is updated from
export ESPOTA_CACHE=$WORK/cache
PORT=$first
control '{"settings": {"elsewhere": null, "fetches": 0}, "devices": {"kitchen": {"action": {"id": "60", "files": ["large.bin"]}}}}'
gateway
learns "with a cache: it is fetched once" '.devices.kitchen.attributes.version == "4.0" and .settings.fetches == 1'
stop
end kitchen
start kitchen
printf 'name,address,token\nkitchen,%s,own.token\n' "${address[kitchen]}" >list.csv
control '{"devices": {"kitchen": {"action": {"id": "61", "files": ["newer.bin"]}}}}'
gateway
learns "another image in between" '.devices.kitchen.attributes.version == "3.0"'
control '{"settings": {"fetches": 0}, "devices": {"kitchen": {"action": {"id": "62", "files": ["large.bin"]}}}}'
learns "and back: nothing is fetched" '.devices.kitchen.attributes.version == "4.0" and .settings.fetches == 0'
stop
unset ESPOTA_CACHE

# ---- mistakes
run gateway --devices list.csv
expect "no server" 2 "err:give --server URL and --devices FILE"
run gateway --server ftp://127.0.0.1 --devices list.csv
expect "no http" 2 "err:no http:// or https:// address"
run gateway --server http://127.0.0.1 --tenant a/b --devices list.csv
expect "no tenant" 2 "err:--tenant 'a/b'"
run gateway --server http://127.0.0.1 --devices missing.csv
expect "no list" 1 "err:cannot open missing.csv"
printf 'two words\n' >bad.token
chmod 600 bad.token
run gateway --server http://127.0.0.1 --devices list.csv --gateway-token-file bad.token
expect "no token" 2 "err:bad.token holds no token"
[[ $ERR != *"two words"* ]] && ok "which is not shown" || not_ok "which is not shown" "$ERR"
for address in arduino://127.0.0.1 esphome://127.0.0.1 http://127.0.0.1/update ws://127.0.0.1:8266; do
    printf 'name,address,tags\nporch,%s,odd\n' "$address" >odd.csv
    run gateway --server http://127.0.0.1 --devices odd.csv
    expect "no agent: $address" 2 "err:porch, $address, speaks" "err:a gateway needs an agent"
done
run gateway --server http://127.0.0.1 --devices list.csv --tag none
expect "no such device" 2 "err:lists no device of that kind"
grep -q '^espota_gateway_updates_total{result="success"} 3$' metrics.prom && grep -q '^espota_gateway_devices 3$' metrics.prom && ok "counts for Prometheus" || not_ok "counts for Prometheus" "$(cat metrics.prom)"
