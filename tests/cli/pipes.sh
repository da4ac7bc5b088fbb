#!/usr/bin/env bash
# Files that are pipes: what a shell puts in the place of <(a command), and named ones that nobody writes to.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
"$MKIMAGE" -o app.bin --size 60K
"$MKIMAGE" -o new.bin --size 70K --version 2.0 --seed 2
"$MKIMAGE" -o bootloader.bin --kind bootloader --size 20K
"$ESPOTA" plan --flash 4M -o partitions.csv -q
"$ESPOTA" key -q --new agent.key
"$ESPOTA" key -q --signing owner.pem
printf 'key,type,encoding,value\nspace,namespace,,\na,data,u8,1\n' >nvs.csv
"$ESPOTA" flash -q --port file:flash.bin --flash 4M --bootloader bootloader.bin --app app.bin --table partitions.csv
printf 'name,address\nboard,file:flash.bin\n' >list.csv
cp flash.bin before.bin

"$ESPOTA" image <(sleep 11; cat app.bin) >slow.out 2>&1 </dev/null & # meanwhile
SLOW=$!
PIDS+=("$SLOW")

# ---- what a command writes
run key <(cat agent.key)
expect "a device's key" 0 "out:device key, fingerprint"
run key <(cat owner.pem)
expect "a signing key" 0 "out:signing key, fingerprint"
run key <(cat owner.pem.pub)
expect "a public one" 0 "out:public key, fingerprint"
run sign --key <(cat owner.pem) <(cat app.bin) -o signed.bin
expect "an image is signed" 0
run image --pubkey <(cat owner.pem.pub) <(cat signed.bin)
expect "and checked" 0
run image <(sleep 1; cat app.bin)
expect "one that takes its time" 0 "out:correct"
run table <(cat partitions.csv)
expect "a table" 0 "out:ota_0"
run nvs make <(cat nvs.csv) -o nvs.bin --size 16K
expect "values of NVS" 0
run ota --file <(cat new.bin) --port file:flash.bin
expect "an update" 0
run status --devices <(cat list.csv)
expect "a list of devices" 0 "out:board: "
cp before.bin flash.bin
run flash --port file:flash.bin --app <(cat new.bin)
expect "an app is flashed that is named" 0
run flash --port file:flash.bin <(cat app.bin)
expect "an app is flashed" 0
run write --port file:flash.bin 0x3f0000 <(cat nvs.csv)
expect "a file is written" 0
run verify --port file:flash.bin 0x3f0000 <(cat nvs.csv)
expect "and compared" 0
run image <(true)
expect "nothing is no image" 4

# ---- nobody writes
cp flash.bin before.bin
mkfifo nobody silent
exec 9<>silent

# ends NAME STATUS COMMAND...: within a second of Ctrl-C, with 130.
stops() {
    local name=$1 pid status begun
    shift
    # a shell in the background has its jobs ignore Ctrl-C
    python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execv(sys.argv[1], sys.argv[1:])' "$ESPOTA" "$@" >stop.out 2>&1 </dev/null &
    pid=$!
    PIDS+=("$pid")
    wait_until 20 reads "$pid" || not_ok "$name: it reads the pipe" "$(cat stop.out)"
    begun=$(date +%s%N)
    kill -INT "$pid"
    wait "$pid"
    status=$?
    if [ $status -eq 130 ] && [ $(($(date +%s%N) - begun)) -lt 2000000000 ]; then ok "$name"; else not_ok "$name" "status $status" "$(cat stop.out)"; fi
}
# It has a pipe open by one of these names, and sleeps.
reads() {
    find "/proc/$1/fd" -mindepth 1 ! -name 9 -printf '%l\n' 2>/dev/null | grep -q '/nobody$\|/silent$' && grep -q '^State:[[:space:]]*S' "/proc/$1/status"
}
for pipe in nobody silent; do
    stops "$pipe: image" image $pipe
    stops "$pipe: image --pubkey" image --pubkey $pipe app.bin
    stops "$pipe: sign" sign --key owner.pem $pipe -o signed.bin
    stops "$pipe: sign --key" sign --key $pipe app.bin -o signed.bin
    stops "$pipe: key" key $pipe
    stops "$pipe: table" table $pipe
    stops "$pipe: nvs" nvs show $pipe
    stops "$pipe: ota --file" ota --file $pipe --port file:flash.bin
    stops "$pipe: ota --key" ota --file app.bin --host 127.0.0.1:1 --key $pipe
    stops "$pipe: ota --devices" ota --file app.bin --devices $pipe
    stops "$pipe: flash" flash --port file:flash.bin $pipe
    stops "$pipe: flash --table" flash --port file:flash.bin --app app.bin --table $pipe
    stops "$pipe: write" write --port file:flash.bin 0x3f0000 $pipe
    stops "$pipe: verify" verify --port file:flash.bin 0x3f0000 $pipe
    stops "$pipe: delta" delta app.bin $pipe -o patch
    stops "$pipe: plan" plan --flash 4M --app $pipe
    stops "$pipe: gateway" gateway --server http://127.0.0.1:1 --devices list.csv --gateway-token-file $pipe
    run status --port file:$pipe
    expect "$pipe: is no flash" 3 "err:is no flash dump"
    stops "$pipe: monitor --elf" monitor --port /dev/null --elf $pipe
done
same "and nothing is changed" before.bin flash.bin
if wait "$SLOW"; then ok "a command that takes long is waited for"; else not_ok "a command that takes long is waited for" "$(cat slow.out)"; fi
