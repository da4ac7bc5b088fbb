#!/usr/bin/env bash
# What commands leave in files: nothing when they refuse or fail, secrets for their owner alone, and no two processes on one
# flash file.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
umask 022
make_build --size 64K
"$ESPOTA" flash -q --port file:board.bin --chip esp32 --flash 4M build

# gone NAME FILE...: there is none of them.
gone() {
    local name=$1 file
    shift
    for file in "$@"; do
        if [ -e "$file" ]; then
            not_ok "$name" "$file is there"
            return
        fi
    done
    ok "$name"
}

# mode NAME FILE MODE
mode() {
    local is
    is=$(stat -c %a "$2")
    if [ "$is" = "$3" ]; then ok "$1"; else not_ok "$1" "$2 has mode $is"; fi
}

# limited K COMMAND...: no file grows beyond K KiB, as on a full disk.
limited() {
    (
        trap '' XFSZ
        ulimit -f "$1"
        shift
        "$@"
    )
}

# refuse_sim ARGS...: a simulator that should not start.
refuse_sim() {
    timeout 5 "$ESPOTA" sim --no-pty --tcp 0 "$@" >"$WORK/stdout" 2>"$WORK/stderr" </dev/null
    STATUS=$? OUT='' ERR=$(cat "$WORK/stderr")
}

# ---- a refused simulator ----------------------------------------------------------------------------------------------
refuse_sim -f x.bin --flash 3M
expect "sim: no flash has 3M" 2 "err:no flash chip has 3M, but 1M, 2M, 4M"
gone "and no file is left" x.bin
refuse_sim -f x.bin
expect "sim: a new flash needs a size" 2 "err:--flash 4M"
gone "and no file is left" x.bin
: >empty.bin
refuse_sim -f empty.bin --flash 3M
expect "sim: an empty file is no reason" 2 "err:no flash chip has"
check "and it is empty still" test ! -s empty.bin
limited 100 timeout 5 "$ESPOTA" sim --no-pty --tcp 0 -f x.bin --flash 4M 2>full.txt >/dev/null
STATUS=$? OUT='' ERR=$(cat full.txt)
expect "sim: a full disk" 1 "err:cannot fill the flash file x.bin"
gone "and no file is left" x.bin

# ---- one flash file, one process ----------------------------------------------------------------------------------------
start_sim -f board.bin
refuse_sim -f board.bin
expect "two simulators on one flash file" 1 "err:board.bin: another program uses it"
run write --port file:board.bin nvs build/firmware.bin
expect "a command on a simulator's flash file" 1 "err:board.bin: another program uses it"
run read --port file:board.bin nvs nvs.bin
expect "reading a simulator's flash file" 1 "err:board.bin: another program uses it"
stop_sim
run read --port file:board.bin nvs nvs.bin
expect "the lock ends with the simulator" 0
cp board.bin readonly.bin
chmod 444 readonly.bin
chmod 644 nvs.bin
if [ "$(id -u)" -eq 0 ] && setpriv --reuid 65534 --clear-groups true 2>/dev/null; then
    chmod 755 "$WORK"
    cp "$ESPOTA" here # where it was built, nobody else may look
    setpriv --reuid 65534 --clear-groups "$WORK/here" verify --port file:readonly.bin nvs nvs.bin >/dev/null 2>full.txt
    STATUS=$? OUT='' ERR=$(cat full.txt)
    expect "a flash file that may only be read is read" 0
    setpriv --reuid 65534 --clear-groups "$WORK/here" erase --port file:readonly.bin nvs >/dev/null 2>full.txt
    STATUS=$? OUT='' ERR=$(cat full.txt)
    expect "and not written" 1 "err:cannot write readonly.bin: permission denied"
elif [ "$(id -u)" -ne 0 ]; then
    run verify --port file:readonly.bin nvs nvs.bin
    expect "a flash file that may only be read is read" 0
    run erase --port file:readonly.bin nvs
    expect "and not written" 1 "err:cannot write readonly.bin: permission denied"
else
    skip "a flash file that may only be read" "setpriv is missing"
fi

# ---- what was read is secret --------------------------------------------------------------------------------------------
echo old >secret.bin
chmod 644 secret.bin
run read --port file:board.bin nvs secret.bin
expect "read over a file that all can read" 0
mode "it is for its owner alone" secret.bin 600
run read --port file:board.bin nvs new.bin
mode "a new one too" new.bin 600

# ---- backups ------------------------------------------------------------------------------------------------------------
run backup --port file:board.bin kept.bin
expect "backup" 0 "err:kept.bin.json"
mode "a backup is for its owner alone" kept.bin 600
mode "its manifest too" kept.bin.json 600
cp kept.bin first.bin
cp kept.bin.json first.json
"$ESPOTA" erase -q --port file:board.bin nvs
run backup --port file:board.bin kept.bin
expect "an earlier backup is not overwritten" 5 "err:kept.bin is there already" "err:--force"
same "and is as it was" kept.bin first.bin
rm kept.bin
run backup --port file:board.bin kept.bin
expect "nor is a manifest" 5 "err:kept.bin.json is there already"
gone "and nothing is left" kept.bin
run backup --port file:board.bin --force kept.bin
expect "--force replaces it" 0
limited 2000 "$ESPOTA" backup --port file:board.bin full.bin 2>full.txt >/dev/null
STATUS=$? OUT='' ERR=$(cat full.txt)
expect "a full disk" 1 "err:cannot write full.bin"
gone "leaves no backup" full.bin full.bin.json full.bin.?*
limited 2000 "$ESPOTA" backup --port file:board.bin --force kept.bin 2>full.txt >/dev/null
STATUS=$? OUT='' ERR=$(cat full.txt)
expect "a full disk, with an earlier backup" 1 "err:cannot write kept.bin"
run restore --port file:board.bin kept.bin
expect "which is whole still" 0

# A partition that reaches beyond the flash stays in the manifest, without a hash.
cat >beyond.csv <<'END'
nvs, data, nvs, 0x9000, 16K
app, app, factory, 0x10000, 1M
big, data, fat, 0x110000, 7M
END
"$ESPOTA" table -q beyond.csv --binary beyond.bin >/dev/null
cp board.bin beyond-board.bin
dd if=beyond.bin of=beyond-board.bin bs=4096 seek=8 conv=notrunc status=none
run backup --port file:beyond-board.bin beyond-backup.bin --json
expect "a table that reaches beyond the flash" 0 'out:"name": "big"' 'out:"sha256": null'
run read --port file:board.bin nvs /dev/full
expect "standard files that are full" 1 "err:cannot write /dev/full: the disk is full"
