#!/usr/bin/env bash
# Bring a device up to date from a script. Where it runs that version already nothing is done; a version that does not come up
# is reported. Usage: update.sh IMAGE PORT. Needs jq.
set -euo pipefail
image=${1:?usage: update.sh IMAGE PORT}
export ESPOTA_PORT=${2:?usage: update.sh IMAGE PORT}

wanted=$(espota image --json "$image" | jq -r '.description.version // empty')
[ -n "$wanted" ] || { echo "$image does not say which version it is" >&2; exit 4; }
running() { espota status --json | jq -r '.apps[] | select(.running) | .version'; }

if [ "$(running)" = "$wanted" ]; then
    echo "$ESPOTA_PORT runs $wanted already"
    exit 0
fi
status=0
espota ota --file "$image" --restart || status=$?
case $status in
0) ;;
3) echo "no answer from $ESPOTA_PORT: is it plugged in? Run this again: what was written is not lost" >&2 ;;
4) echo "$image is damaged, or is not for this chip" >&2 ;;
5) echo "$ESPOTA_PORT holds something that espota will not overwrite" >&2 ;;
esac
[ "$status" -eq 0 ] || exit "$status"
[ "$(running)" = "$wanted" ] || { echo "$ESPOTA_PORT came back with another version" >&2; exit 1; }
echo "$ESPOTA_PORT runs $wanted"
