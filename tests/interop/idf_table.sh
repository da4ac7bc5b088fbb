#!/usr/bin/env bash
# ESP-IDF's partition table generator: the same bytes from the same CSV, the same verdict on bad ones. It comes from the
# package esp-idf-defs, which carries it, or from an ESP-IDF in IDF_PATH.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
venv=$("$ROOT/tests/venv.sh" 2>venv.log) || { skip "ESP-IDF's generator" "it cannot be installed: $(tail -1 venv.log)"; exit 0; }
gen=${IDF_PATH:-/nonexistent}/components/partition_table/gen_esp32part.py

cat >theirs.py <<'PY'
import sys
from esp_idf_defs import PartitionTable
table = PartitionTable.from_csv(open(sys.argv[1]).read())
table.verify()
open(sys.argv[2], "wb").write(table.to_binary())
PY
theirs() {
    if [ -f "$gen" ]; then "$venv/bin/python" "$gen" -q "$1" "$2"; else "$venv/bin/python" theirs.py "$1" "$2"; fi >theirs.log 2>&1
}

# A generator that does not even run would seem to refuse every bad table.
printf 'nvs,data,nvs,,24K,\nf,app,factory,,1M,\n' >smoke.csv
if ! theirs smoke.csv smoke.bin; then
    skip "ESP-IDF's generator" "it does not run: $(tail -1 theirs.log)"
    exit 0
fi

while read -r name args; do
    # shellcheck disable=SC2086
    run plan $args -o p.csv --binary ours.bin -q
    if theirs p.csv theirs.bin; then same "$name: their binary of our CSV is ours" ours.bin theirs.bin
    else not_ok "$name: their binary of our CSV is ours" "$(tail -2 theirs.log)"; fi
done <<'LIST'
single-4M --flash 4M --no-ota
2p-4M --flash 4M
2p-8M --flash 8M
2p-16M --flash 16M --force2p
3p-16M --flash 16M
3p-8M --flash 8M --force3p
names --flash 4M --app-name lamp --fs-name storage --fs littlefs
sizes --flash 32M --appsize 1728K --fssize 5000000 --nvs-size 64K
spiffs --flash 4M --fs spiffs --appsize 1472K
LIST

both() { # NAME good|bad CSV
    printf '%b' "$3" >c.csv
    run table c.csv --binary ours.bin -q
    local ours=$STATUS
    theirs c.csv theirs.bin
    local their=$?
    if [ "$2" = good ]; then
        if [ "$ours" -eq 0 ] && [ "$their" -eq 0 ]; then same "$1" ours.bin theirs.bin; else not_ok "$1" "ours $ours theirs $their" "$ERR" "$(tail -2 theirs.log)"; fi
    elif [ "$ours" -ne 0 ] && [ "$their" -ne 0 ]; then
        ok "$1"
    else
        not_ok "$1" "ours $ours theirs $their" "$ERR" "$(tail -2 theirs.log)"
    fi
}
both "blank offsets" good 'nvs,data,nvs,,24K,\nphy,data,phy,,4K,\nf,app,factory,,1M,\n'
both "negative sizes" good 'nvs,data,nvs,,24K,\nf,app,factory,,-0x200000,\n'
both "numbers for types" good 'a,0x40,0x01,0x10000,0x1000,\nb,65,3,,4096,\n'
both "flags" good 'nvs,data,nvs,,24K,encrypted\nf,app,factory,,1M,encrypted:readonly\n'
both "unsorted" bad 'f,app,factory,0x20000,64K,\nnvs,data,nvs,0x9000,24K,\n'
both "overlap" bad 'a,app,factory,0x10000,1M,\nb,app,ota_0,0x20000,1M,\n'
both "misaligned" bad 'a,app,factory,0x11000,1M,\n'
both "duplicate names" bad 'a,data,nvs,,24K,\na,data,phy,,4K,\n'
both "otadata size" bad 'o,data,ota,,4K,\n'
both "two otadata" bad 'o,data,ota,,8K,\np,data,ota,,8K,\n'
both "below the table" bad 'n,data,nvs,0x1000,24K,\n'
both "unknown subtype" bad 'n,data,frob,,24K,\n'
both "unknown flag" bad 'n,data,nvs,,24K,shiny\n'
both "size missing" bad 'n,data,nvs,,,\n'
both "a space before the suffix" good 'nvs,data,nvs,,24 K,\nf,app,factory,,1 M,\n'
both "a line of 2000 bytes" good "# $(printf '%2000s' '' | tr ' ' x)\nnvs,data,nvs,,24K,\n"
both "small nvs" bad 'n,data,nvs,,8K,\n'

# More than anybody would write by hand; $IDF_TABLES of them.
arguments=("$ESPOTA" "$WORK" "${IDF_TABLES:-1500}")
[ -f "$gen" ] && arguments+=("$gen")
if differences=$("$venv/bin/python" "$ROOT/tests/interop/idf_table_differences.py" "${arguments[@]}" 2>&1); then ok "random CSV: $differences"; else not_ok "random CSV" "$differences"; fi
