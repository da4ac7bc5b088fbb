#!/usr/bin/env bash
# ESP-IDF's NVS partition generator (PyPI: esp-idf-nvs-partition-gen): the same bytes from the same CSV, plain and encrypted,
# and the same files refused.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
venv=$("$ROOT/tests/venv.sh" 2>venv.log) || { skip "ESP-IDF's NVS generator" "it cannot be installed: $(tail -1 venv.log)"; exit 0; }
theirs() { "$venv/bin/python" -m esp_idf_nvs_partition_gen "$@" >theirs.log 2>&1; }

cat >values.csv <<'CSV'
key,type,encoding,value
cfg,namespace,,
name,data,string,"a ""lamp"", green"
count,data,i16,-7
sta.ssid,data,string,somewhere
sta.pswd,data,string,secret
ap.ssid,data,string,here
ap.passwd,data,string,password
ap.authmode,data,u8,3
long,data,blob_fill(9000;0xab),
CSV
if ! theirs generate values.csv theirs.bin 0x6000; then
    skip "ESP-IDF's NVS generator" "it does not run: $(tail -1 theirs.log)"
    exit 0
fi
run nvs make values.csv -o ours.bin --size 24K
expect "a partition" 0
same "is theirs" ours.bin theirs.bin
theirs encrypt values.csv locked.bin 0x6000 --keygen --keyfile keys.bin
chmod 600 keys/keys.bin
run nvs make values.csv -o ours.bin --size 24K --nvs-key keys/keys.bin
same "encrypted, too" ours.bin locked.bin
run nvs show locked.bin --nvs-key keys/keys.bin
expect "theirs is decrypted" 0 'out:"a "lamp", green"' "out:-7"

# More than anybody would write by hand; $NVS_FILES of them.
if differences=$("$venv/bin/python" "$ROOT/tests/interop/nvs_differences.py" "$ESPOTA" "$WORK" "${NVS_FILES:-400}" 2>&1); then ok "random CSV: $differences"; else not_ok "random CSV" "$differences"; fi
