#!/usr/bin/env bash
# Tools of others for the interop tests, pinned, into build/venv, or those of NAME into build/venv-NAME: what drags much along stands
# alone. Prints its path; fails when they cannot be had. Usage: venv.sh [NAME]
set -eu
cd "$(dirname "$0")/.."
case ${1:-} in
'') packages=(esptool==5.6.0 esp-idf-defs==0.1.7 noiseprotocol==0.3.1 esp-idf-nvs-partition-gen==0.3.0 littlefs-python==0.19.0
    esp-idf-monitor==1.10.0 esp-idf-panic-decoder==1.5.0) ;;
zeroconf) packages=(zeroconf==0.154.0) ;;
esphome) packages=(--no-deps esphome==2026.6.5) ;; # its uploader needs none of the many that it depends on
goosebit) packages=(goosebit==0.2.12) ;;
mpremote) packages=(mpremote==1.26.1) ;;
websockets) packages=(websockets==15.0.1) ;;
*) echo "$1: no such tools" >&2 && exit 2 ;;
esac
venv=build/venv${1:+-$1}
want="${packages[*]}"
mkdir -p build
exec 9>"$venv.lock"
flock 9 # tests run side by side
if [ "$(cat "$venv/packages" 2>/dev/null)" != "$want" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install -q --disable-pip-version-check "${packages[@]}" >&2
    echo "$want" >"$venv/packages"
fi
echo "$PWD/$venv"
