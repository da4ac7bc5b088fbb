#!/usr/bin/env bash
# NVS: shown from a file, a dump and a board; secrets stay hidden; made from CSV, onto a board and back.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

cat >values.csv <<'CSV'
# settings of a lamp
key,type,encoding,value
cfg,namespace,,
name,data,string,"a ""lamp"", green"
wifi_password,data,string,hush-hush
count,data,i16,-7
blob,data,hex2bin,00ff10
page,file,binary,page.html
long,data,blob_fill(5000;0xab),
CSV
echo '<html>' >page.html
run nvs make values.csv -o nvs.bin --size 24K
expect "NVS is made" 0 "err:6 values in 1 namespace, 2 of 6 pages used"
[ "$(stat -c %a nvs.bin)" = 600 ] && ok "for its owner alone" || not_ok "for its owner alone" "$(stat -c %a nvs.bin)"
run nvs show nvs.bin
expect "and shown" 0 'out:"a "lamp", green"' "out:-7" "out:3 bytes: 00 ff 10" "out:5000 bytes: ab ab" "out:7 bytes: 3c 68"
grep -q 'hush' stdout && not_ok "a password is hidden" "$OUT" || ok "a password is hidden"
run nvs show nvs.bin --show-secrets --pages --limit 4
expect "unless it is asked for" 0 'out:"hush"...' "out:page 0: full, sequence 0" "out:page 1: active" "out:page 5: blank"
run nvs show nvs.bin --json
grep -q hush stdout && not_ok "also in JSON" "$OUT" || ok "also in JSON"
run nvs make - -o - --size 24K <values.csv
"$ESPOTA" nvs make - -o - --size 24K <values.csv >piped.bin 2>/dev/null
same "from standard input to standard output" nvs.bin piped.bin

# values from outside reach no terminal as they are
printf 'key,type,encoding,value\nn\033[2J,namespace,,\na,data,string,"x\033]0;y\007"\n' >evil.csv
run nvs make evil.csv -o evil.bin --size 12K
run nvs show evil.bin
expect "control characters are shown, not obeyed" 0 'out:"x?]0;y?"'

printf 'key,type,encoding,value\nn,namespace,,\na,data,u8,1\na,data,u8,2\n' >twice.csv
run nvs make twice.csv -o twice.bin --size 8K
expect "what is there twice, and what cannot be changed, are warned of" 0 "err:'a' is there more than once in namespace 'n'" "err:flag the partition readonly"
refused() { # NAME STATUS TEXT ROWS
    printf "key,type,encoding,value\n$4" >bad.csv
    rm -f bad.bin
    run nvs make bad.csv -o bad.bin --size 12K
    expect "$1" "$2" "err:$3"
    [ ! -e bad.bin ] || not_ok "$1: nothing is written"
}
refused "a value out of range" 2 "bad.csv, line 3: 'a': '300'" 'n,namespace,,\na,data,u8,300\n'
refused "too much for the partition" 1 "bad.csv, line 3: the values need more than a partition of 12K" 'n,namespace,,\na,data,blob_fill(9000;0x00),\n'
refused "no namespace" 2 "before the first namespace" 'a,data,u8,1\n'
run nvs make values.csv -o nvs2.bin --size 5000
expect "a size that is no size" 2 "err:multiple of 4K"
run nvs make values.csv
expect "no output" 2 "err:--output FILE and --size SIZE"
run nvs frob
expect "a word that is none" 2 "err:use show or make"
run nvs show nvs.bin --size 4K
expect "options of the other one" 2 "err:go with make"
run nvs show nvs.bin --port file:x
expect "two things to show" 2 "err:give one"
head -c 8192 /dev/urandom >noise.bin
run nvs show noise.bin
expect "what is no NVS" 4 "err:no page of NVS is in it"
head -c 5000 /dev/urandom >odd.bin
run nvs show odd.bin
expect "what is no whole number of pages" 4 "err:whole pages of 4096"
run nvs show nowhere.bin
expect "no file" 1 "err:nowhere.bin"

# ---- damage
python3 - <<'PY'
data = bytearray(open("nvs.bin", "rb").read())
data[64 + 32 * 1 + 32] ^= 1   # the text of 'name'
data[4096 + 32] &= 0xfc       # the second part of 'long': its entry, and not what it spans
open("hurt.bin", "wb").write(data)
PY
run nvs show hurt.bin
expect "damage is told" 0 "err:3 of its values or pages are damaged" "out:damaged" "out:incomplete"

# ---- encryption
head -c 64 /dev/urandom >halves
python3 -c 'import sys, zlib; d = open("halves", "rb").read(); sys.stdout.buffer.write(d + zlib.crc32(d, 0xffffffff).to_bytes(4, "little"))' >keys.bin
chmod 600 keys.bin
run nvs make values.csv -o locked.bin --size 24K --nvs-key keys.bin
run nvs show locked.bin
expect "encrypted NVS is recognised" 0 "err:encrypted: --nvs-key FILE" "out:with values that are encrypted"
run nvs show locked.bin --nvs-key keys.bin
expect "and decrypted" 0 'out:"a "lamp", green"'
run nvs show locked.bin --nvs-key nvs.bin
expect "with a file that has no keys" 4 "err:nvs.bin cannot be used: it is no nvs_keys partition"

# ---- on a board
make_build --size 100K
start_sim --flash-file board.bin --flash 4M
run flash -q --port "$REMOTE" build
run write -q --port "$REMOTE" nvs <(head -c 16384 /dev/zero | tr '\0' '\377')
run nvs make values.csv -o small.bin --size 16K
run write -q --port "$REMOTE" nvs small.bin
run nvs show --port "$REMOTE"
expect "NVS of a board" 0 "out:wifi_password" "out:6 values on 4 pages (16K)"
stop_sim
run nvs show board.bin
expect "of a dump of its flash" 0 "out:6 values on 4 pages (16K)"
run nvs show --port file:board.bin --partition otadata
expect "a partition that is no NVS" 4 "err:cannot read NVS in otadata"
run nvs show --port file:board.bin --partition nowhere
expect "a partition that is not there" 1 "err:no partition 'nowhere'"
cp board.bin again.bin
sed 's/-7/-8/' values.csv >other.csv
run flash --port file:again.bin --nvs other.csv
expect "flash --nvs makes it of CSV for the partition" 0 "err:0x009000 nvs: 16384 bytes"
run nvs show again.bin
expect "and there it is" 0 "out:-8" "out:6 values on 4 pages (16K)"
run flash --port file:again.bin --nvs small.bin
expect "or takes a file of it" 0
run nvs show again.bin
expect "as it was" 0 "out:-7"
run flash --port file:again.bin --nvs nvs.bin
expect "one that does not fit" 1 "err:nvs.bin is 24576 bytes, but partition 'nvs' holds 16384"
printf 'key,type,encoding,value\na,data,u8,1\n' >bad.csv
run flash --port file:again.bin --nvs bad.csv
expect "CSV that is wrong" 2 "err:bad.csv, line 2: 'a' stands before the first namespace"
printf 'phy, data, phy, 0x9000, 4K\nfactory, app, factory, 0x10000, 1M\n' >none.csv
run flash -q --port file:none.bin --flash 4M --chip esp32 --table none.csv
run nvs show --port file:none.bin
expect "a table without NVS" 1 "err:has no NVS partition"
printf 'one, data, nvs, 0x9000, 12K\ntwo, data, nvs, 0xc000, 12K\nfactory, app, factory, 0x10000, 1M\n' >two.csv
run flash -q --port file:two.bin --flash 4M --chip esp32 --table two.csv
run nvs show --port file:two.bin
expect "a table with two" 2 "err:name one of 'one', 'two' with --partition"
run nvs show --port file:two.bin --partition two
expect "one of them, blank" 0 "out:0 values on 3 pages (12K)"
