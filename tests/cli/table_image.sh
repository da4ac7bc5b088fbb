#!/usr/bin/env bash
# espota table and espota image.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

head='# Name, Type, SubType, Offset, Size, Flags'
bad() { # NAME STATUS TEXT LINES
    printf '%s\n%b' "$head" "$4" >bad.csv
    run table bad.csv
    expect "$1" "$2" "err:$3"
}
printf '%s\nnvs,data,nvs,,0x6000,\napp,app,factory,,${APPSIZE},\n' "$head" >var.csv
APPSIZE=1M run table var.csv --flash 4M
expect "variables come from the environment" 0 "out:2 partitions, valid; they fit 4M"
printf '\xef\xbb\xbfnvs,data,nvs,,24K,\r\nf,app,factory,,-0x200000,\r\n' >bom.csv
run table bom.csv --csv
expect "BOM, CRLF and a negative size" 0 "out:f,app,factory,0x10000,1984K"
bad "overlap" 1 "overlaps" 'a,app,factory,0x10000,1M,\nb,app,ota_0,0x20000,1M,\n'
bad "misaligned app" 4 "not a multiple" 'a,app,factory,0x11000,1M,\n'
bad "duplicate name" 4 "names must be unique" 'a,data,nvs,,24K,\na,data,phy,,4K,\n'
bad "otadata of the wrong size" 4 "otadata" 'o,data,ota,,4K,\n'
bad "below the table" 1 "overlaps the partition table" 'n,data,nvs,0x1000,24K,\n'
bad "unknown subtype" 1 "line 2: 'frob' is neither a number nor a subtype of data: name ota, phy, nvs," 'n,data,frob,,24K,\n'
bad "unknown flag" 1 "unknown flag" 'n,data,nvs,,24K,shiny\n'
bad "size missing" 1 "is empty" 'n,data,nvs,,,\n'


# ---- subtypes of one's own: what ESP-IDF's custom_partition_subtypes has, by its facts
cat >custom.csv <<'CSV'
# Name,Type,SubType,Offset,Size,Flags
nvs,data,nvs,,24K,
phy_init,data,phy,,4K,
fctry,app,factory,,1M,
my_app1,app,my_app1,,256K,
my_app2,app,my_app2,,256K,
CSV
run table custom.csv
expect "a subtype of one's own is unknown at first" 1 "err:'my_app1' is neither a number nor a subtype of app" "err:ota_0 .. ota_15"
run table custom.csv --extra-partition-subtypes "app, my_app1, 0x40" --extra-partition-subtypes "app,my_app2,41" --csv
expect "... and known when it is named" 0 "out:my_app1,app,64,0x110000,256K" "out:my_app2,app,65,0x150000,256K"
run table --csv --extra-partition-subtypes "app, my_app1, 0x40" "app, my_app2, 0x41" custom.csv
expect "... as the generator takes them, all after one option" 0 "out:my_app2,app,65,0x150000,256K"
run table custom.csv --extra-partition-subtypes "app, my_app1, 0x40"
expect "the names given are listed with the known ones" 1 "err:'my_app2'" "err:tee_1, my_app1"
for bad in "app, x" "soup, x, 0x40" "app, x, 0x10" "app, x, 0x100" "app, x, forty" "app,, 0x40" "data, x, 2"; do
    run table custom.csv --extra-partition-subtypes "$bad"
    expect "no subtype: $bad" 2 "err:'$bad' is no new subtype"
done
"$MKIMAGE" -o boot.bin --kind bootloader --size 20K
"$MKIMAGE" -o capp.bin --size 64K
run flash -q -p file:custom.flash --flash 4M -c esp32 --bootloader boot.bin --app capp.bin --table custom.csv \
    --extra-partition-subtypes "app, my_app1, 0x40" "app, my_app2, 0x41"
expect "flash reads CSV with subtypes of one's own" 0
run table -p file:custom.flash --csv
expect "... and they are on the device" 0 "out:my_app2,app,65,0x150000,256K"

# ---- habits of the generator's CSV
long=$(printf '%2000s' '' | tr ' ' x)
printf '# %s\nnvs,data,nvs,,24K,,%s\nf,app,factory,,1 M,\n' "$long" "$long" >long.csv
run table long.csv --csv
expect "lines of any length, and a space before the suffix" 0 "out:f,app,factory,0x10000,1M"
printf '# %s\nnvs,data,nvs,,${SIZE},\n' "$long" >long.csv
SIZE=24K run table long.csv --csv
expect "... also with variables" 0 "out:nvs,data,nvs,0x9000,24K"
SIZE=$'24K\n' run table long.csv
expect "a variable with a line break" 1 "err:SIZE has a line break"
printf 'n\xff,data,nvs,,24K,\n' >latin.csv
run table latin.csv
expect "text that is no UTF-8" 1 "err:not valid UTF-8"

run plan --flash 4M --binary t.bin -o t.csv -q
run table t.bin --flash 2M
expect "does not fit the flash" 1 "err:beyond the end of the flash"
run table - --csv <t.bin
"$ESPOTA" table - --csv <t.bin >stdin.csv 2>/dev/null
same "binary from stdin" stdin.csv t.csv
cp t.bin damaged.bin
printf '\x55' | dd of=damaged.bin bs=1 seek=8 conv=notrunc status=none
run table damaged.bin
expect "a damaged table is found by its MD5" 4 "err:MD5 does not match"
head -c 64 t.bin >cut.bin
run table cut.bin
expect "a cut table has no end" 4 "err:no end marker"
run table /dev/null
expect "an empty file is an empty table" 0 "out:0 partitions"
run table nowhere.csv
expect "no such file" 1 "err:nowhere.csv"
run table
expect "file missing" 2 "err:which device?"

data=$ROOT/tests/data/tables
for csv in "$data"/*.csv; do
    name=$(basename "$csv" .csv)
    run table "$csv" --binary a.bin -q
    same "$name: CSV to binary" a.bin "$data/$name.bin"
    run table "$data/$name.bin" -o a.csv --binary b.bin -q
    same "$name: binary to binary" b.bin "$data/$name.bin"
    run table a.csv --binary c.bin -q
    same "$name: round trip" c.bin "$data/$name.bin"
done

"$MKIMAGE" -o app.bin --version 4.2 --project lamp --size 64K
run image app.bin
expect "shows an app" 0 "out:Chip:        ESP32" "out:lamp 4.2" "out:correct"
run image app.bin --json
expect "shows an app as JSON" 0 'out:"valid": true' 'out:"version": "4.2"'
head -c 1000 app.bin >cut.app
run image cut.app
expect "a cut image" 4 "err:cut off"
printf '\x55' | dd of=app.bin bs=1 seek=5000 conv=notrunc status=none
run image app.bin
expect "a damaged image" 4 "err:damaged"
run image app.bin --json
expect "a damaged image as JSON" 4 'out:"status": "verify"'
run image t.csv
expect "a table is no image" 4 "err:it is a partition table as CSV text"
