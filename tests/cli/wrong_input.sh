#!/usr/bin/env bash
# What is not what a command wants: it says so, says what it is, and leaves nothing behind.
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

: >empty
printf '# only a comment\n' >comment.csv
printf '<html><head>404</head></html>\n' >page.html
"$MKIMAGE" -o boot.bin --kind bootloader --size 20K
"$MKIMAGE" -o app.bin --size 300K
gzip -c app.bin >app.gz
run flash -p file:d.bin -c esp32 --flash 4M --bootloader boot.bin --app app.bin
expect "a flash file" 0
cp d.bin before.bin

# ---- empty files -------------------------------------------------------------------------------------------

run image empty
expect "an empty image is empty" 4 "err:empty: it is empty"
if [ -z "$OUT" ]; then ok "an empty image has no chip to show"; else not_ok "an empty image has no chip to show" "$OUT"; fi
run ota -p file:d.bin --file empty
expect "an update with an empty file" 4 "err:it is empty"
run flash -p file:d.bin -c esp32 --app empty
expect "an app that is empty" 4 "err:it is empty"
for how in --migrate --erase; do
    for table in empty comment.csv; do
        run flash -p file:d.bin -c esp32 --table $table $how
        expect "flash $how with the table $table" 4 "err:there is no partition in it"
    done
done
same "after that flash is what it was" before.bin d.bin

# ---- something else for a table ----------------------------------------------------------------------------

run flash -p file:d.bin -c esp32 --table page.html
expect "a page for a table" 4 "err:page.html is no partition table: it is an HTML page"
run flash -p file:d.bin -c esp32 --table app.gz
expect "an archive for a table" 4 "err:app.gz is no partition table: it is compressed with gzip"
run flash -p file:d.bin -c esp32 --table boot.bin
expect "a bootloader for a table" 4 "err:boot.bin is no partition table: it is a second-stage bootloader"
run table d.bin
expect "a flash dump for a table" 4 "err:d.bin is no partition table: it is a merged image"

# ---- names -------------------------------------------------------------------------------------------------

run flash -p file:d.bin -c esp32 nosuch
expect "a folder that is not there" 2 "err:nothing to flash: there is no folder or file nosuch"
run plan --flash 4M --app-name $'a\e[31mb'
expect "a label with a control character" 2 "err:has a control character in it"
for command in "plan --flash 4M" "table comment.csv"; do
    # shellcheck disable=SC2086
    run $command --output both --binary both
    expect "${command%% *}: two results for one file" 2 "err:would both write both"
done
if [ -e both ]; then not_ok "nothing was written for two results"; else ok "nothing was written for two results"; fi
run status --port /dev/null
expect "a port that is no port" 3 "err:no serial port"

# ---- large files, a full disk, a closed stream ---------------------------------------------------------------

truncate -s 3G huge
run image huge
expect "a file that is too large" 1 "err:is larger than 256M"
started=$SECONDS
run image --pubkey huge app.bin
expect "a huge file for a key" 2 "err:is no public key"
if [ $((SECONDS - started)) -lt 10 ]; then ok "a huge file is not read for a key"; else not_ok "a huge file is not read for a key"; fi

STATUS=$( (ulimit -f 8 && "$ESPOTA" read -p file:d.bin all limited.out >"$WORK/stdout" 2>"$WORK/stderr"; echo $?) 2>/dev/null)
OUT='' ERR=$(cat stderr)
expect "a file that may not grow" 1 "err:a file may not become so large here"
if compgen -G 'limited*' >/dev/null; then not_ok "nothing of it is left" limited*; else ok "nothing of it is left"; fi

for words in --help --version help "help plan" "plan --help"; do
    # shellcheck disable=SC2086
    "$ESPOTA" $words >/dev/full 2>stderr
    STATUS=$? OUT='' ERR=$(cat stderr)
    expect "$words on a full disk" 1 "err:cannot write the result to standard output"
done

# ---- words for a reset ---------------------------------------------------------------------------------------

run reset --port file:d.bin --before X
expect "reset knows the words of --before" 2 "err:--before 'X': use default-reset"
run reset --port file:d.bin --after bad
expect "reset knows the words of --after" 2 "err:--after 'bad': use hard-reset"
run reset --port file:d.bin --after soft-reset
expect "the lines alone make no soft reset" 2 "err:needs --via rom"
start_sim -f board.bin --flash 4M
run reset --port "$REMOTE" --after hard-reset
expect "reset with the usual word" 0 "err:restarted"
stop_sim
