#!/usr/bin/env bash
# The gateway, cut off at each moment of an update, and two of them at once: nothing is done twice, and no action stays open.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../ddi.sh"
cd "$WORK" || exit 1
command -v jq >/dev/null || { skip "a gateway that is cut off" "jq is not installed"; exit; }
make_build --size 60K
for version in 2 3 4 5 6 7 8; do "$MKIMAGE" -o "v$version.bin" --size 120K --version "$version.0"; done
"$ESPOTA" flash -q -p file:base.bin --flash 4M -c esp32 build
mkdir files
cp v?.bin files
: >gateway.err
ends() { # NAME ID VERSION: the action is ended, and was once
    learns "$1: it is ended" ".devices.kitchen.action == null and .devices.kitchen.attributes.version == \"$3\""
    known "[$(closed kitchen)[] | select(.[2].id == \"$2\") | .[2].status.result.finished] == [\"success\"]" && ok "$1: once" ||
        not_ok "$1: once" "$(jq -c '.log' known.json)"
}
said() { jq -r "[.log[] | select(.[2].id == \"$1\" and .[2].status.execution == \"closed\")][0][2].status.details[0]" known.json; }

start kitchen
serve server
list kitchen >list.csv

# ---- before the download
control '{"settings": {"hold": "artifact", "held": 0}, "devices": {"kitchen": {"action": {"id": "1", "files": ["v2.bin"]}}}}'
gateway
learns "it asks for the artifact" '.settings.held == 1'
cut_off
gateway
ends "cut off before the download" 1 2.0
stop

# ---- in the middle of it
control '{"settings": {"hold": "half", "held": 0}, "devices": {"kitchen": {"action": {"id": "2", "files": ["v3.bin"]}}}}'
gateway
learns "it has half of it" '.settings.held == 1'
cut_off
gateway
ends "cut off in the middle of the download" 2 3.0
stop

# ---- written, and not restarted: what is in flash then is what an update without a restart leaves
# shellcheck disable=SC2154
run ota -p "${address[kitchen]}" --file v4.bin
expect "the image is written, and the device not restarted" 0
control '{"devices": {"kitchen": {"action": {"id": "3", "files": ["v4.bin"]}}}}'
gateway
ends "cut off between write and restart" 3 4.0
[[ $(said 3) == "updated by 0 bytes"* ]] && ok "and nothing is written again" || not_ok "and nothing is written again" "$(said 3)"
stop

# ---- restarted, and not reported
control '{"settings": {"hold": "closed", "held": 0}, "devices": {"kitchen": {"action": {"id": "4", "files": ["v5.bin"]}}}}'
gateway
learns "it reports that all went well, which nobody hears" '.settings.held == 1'
cut_off
gateway
ends "cut off before that is heard" 4 5.0
[[ $(said 4) == "it runs this image already" ]] && ok "and it is not updated again" || not_ok "and it is not updated again" "$(said 4)"
stop

# ---- two of them
(umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >key)
start cellar --listen 0 --key key # one on the network
printf 'name,address,key\nkitchen,%s,\ncellar,%s,key\n' "${address[kitchen]}" "${address[cellar]}" >list.csv
gateway
first=$GATEWAY
gateway
learns "two gateways know what the devices are" '.devices.kitchen.attributes.version == "5.0" and .devices.cellar.attributes.chip == "esp32"'
for round in 6 7 8; do
    control '{"devices": {"kitchen": {"action": {"id": "1'$round'", "files": ["v'$round'.bin"]}}, "cellar": {"action": {"id": "2'$round'", "files": ["v'$round'.bin"]}}}}'
    learns "two at once: both devices are updated to $round" \
        ".devices.kitchen.action == null and .devices.cellar.action == null and .devices.kitchen.attributes.version == \"$round.0\" and .devices.cellar.attributes.version == \"$round.0\""
    known "[$(closed kitchen)[], $(closed cellar)[]] | map(select(.[2].id == (\"1$round\", \"2$round\")) | .[2].status.result.finished) | all(. == \"success\")" &&
        ok "none is said to have failed" || not_ok "none is said to have failed" "$(jq -c '.log[-12:]' known.json)" "$(tail -5 gateway.err)"
done
for name in kitchen cellar; do
    for round in 6 7 8; do
        n=$(jq "[.log[] | select(.[0] == \"$name\" and .[2].status.execution == \"closed\" and (.[2].status.details[0] | startswith(\"updated\")) and (.[2].id | endswith(\"$round\")) and (.[2].id | length) == 2)] | length" known.json)
        [ "$n" -le 1 ] && ok "$name is updated once to $round" || not_ok "$name is updated once to $round" "$n times" "$(jq -c '.log[-12:]' known.json)"
    done
done
kill "$first" && { wait "$first" 2>/dev/null || true; }
stop
