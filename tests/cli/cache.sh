#!/usr/bin/env bash
# The cache of images: filled by flash and ota, shown and cleared; whatever is wrong with it, no command fails by it.
# shellcheck disable=SC2034 # expect() reads them
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
export HOME=$WORK/home XDG_CACHE_HOME=
unset ESPOTA_CACHE
mkdir home
FOLDER=$HOME/.cache/espota

make_build --version 1.0 --project lamp --seed 1 --size 64K
for version in 2.0 3.0 4.0; do "$MKIMAGE" -o "$version.bin" --version "$version" --project lamp --seed "${version%.*}" --size 64K; done
digest() { sha256sum "$1" | cut -d ' ' -f 1; }
kept() { [ -f "${2:-$FOLDER}/$(digest "$1").bin" ]; }
# is_kept NAME FILE [FOLDER], is_not_kept NAME FILE [FOLDER]
is_kept() { if kept "${@:2}"; then ok "$1"; else not_ok "$1" "$(ls -l "${3:-$FOLDER}" 2>&1)"; fi; }
is_not_kept() { if kept "${@:2}"; then not_ok "$1"; else ok "$1"; fi; }
mode() { stat -c %a "$1"; }

# ---- by default
run cache
expect "nothing was flashed" 0 "err:0 images" "err:$FOLDER"
[ ! -e "$FOLDER" ] && ok "looking makes no folder" || not_ok "looking makes no folder"
run flash --port file:flash.bin --flash 4M --chip esp32 build
expect "flash" 0
is_kept "keeps its app" build/firmware.bin
is_not_kept "and not the bootloader" build/bootloader.bin
[ "$(mode "$FOLDER")$(mode "$FOLDER/$(digest build/firmware.bin).bin")" = 700600 ] && ok "for its owner alone" || not_ok "for its owner alone" "$(ls -la "$FOLDER")"
same "as it is" build/firmware.bin "$FOLDER/$(digest build/firmware.bin).bin"
head -c 43 "$FOLDER/CACHEDIR.TAG" | grep -q '^Signature: 8a477f597d28d172789f06886806bc55$' && ok "backups leave it out" || not_ok "backups leave it out"
run ota --port file:flash.bin --file 2.0.bin
expect "ota" 0
is_kept "keeps its image" 2.0.bin
run ota --port file:flash.bin --file 3.0.bin --no-cache
expect "--no-cache" 0
is_not_kept "keeps none" 3.0.bin
cp flash.bin before.bin
head -c 65536 2.0.bin | tr 'a' 'b' >broken.bin
run ota --port file:flash.bin --file broken.bin
expect "an image that is none" 4
is_not_kept "is not kept" broken.bin

# ---- shown
run cache
expect "what is kept" 0 "out:$(digest 2.0.bin | head -c 12)" "out:lamp" "out:1.0" "out:2.0" "out:ESP32" "err:2 images, 128K of 256M, in $FOLDER"
[ "$(sed -n 2p <<<"$OUT" | grep -c 2.0)" = 1 ] && ok "last used first" || not_ok "last used first" "$OUT"
run cache show --json
[ "$(jq -r '[.images[].version] | join(" ")' <<<"$OUT")" = "2.0 1.0" ] && ok "as JSON" || not_ok "as JSON" "$OUT"
[ "$(jq -r '.images[0].sha256 + .folder' <<<"$OUT")" = "$(digest 2.0.bin)$FOLDER" ] && ok "with digest and folder" || not_ok "with digest and folder" "$OUT"
run cache path
[ "$OUT" = "$FOLDER" ] && ok "where it is" || not_ok "where it is" "$OUT"
run cache add 3.0.bin 4.0.bin
expect "by hand" 0 "err:3.0.bin is kept as $(digest 3.0.bin | head -c 12)"
is_kept "it is there" 3.0.bin
run cache add build/bootloader.bin
expect "no app" 4 "err:bootloader"
run cache add nowhere.bin
expect "no file" 1 "err:nowhere.bin"
"$BUILD/tools/mkelf" app.elf esp32 30000
run cache add app.elf
expect "an ELF file" 0
run cache --json
[ "$(jq '.images | length' <<<"$OUT")" = 5 ] && ok "is its image" || not_ok "is its image" "$OUT"

# ---- removed
run cache remove "$(digest 3.0.bin | head -c 8)"
expect "one by its digits" 0 "err:1 image removed, 64K"
is_not_kept "is gone" 3.0.bin
is_kept "and no other" 4.0.bin
run cache remove "$(digest 3.0.bin)"
expect "twice" 1 "err:there is no image"
run cache remove ../../x
expect "no digest" 2 "err:no SHA-256"
run cache remove abc
expect "too few digits" 2 "err:no SHA-256"
"$MKIMAGE" -o agent.bin --kind agent --size 32K
"$ESPOTA" key -q --new board.key
"$ESPOTA" provision -q agent.bin --key board.key --output keyed.bin
run cache add keyed.bin
expect "an image with a key in it" 5 "err:key"
is_not_kept "is not kept" keyed.bin
touch -d '40 days ago' "$FOLDER/$(digest 4.0.bin).bin"
run cache clear --older-than 30d --json
[ "$(jq -c '[.removed, .size]' <<<"$OUT")" = "[1,65536]" ] && ok "what is old" || not_ok "what is old" "$OUT" "$ERR"
is_not_kept "goes" 4.0.bin
is_kept "what is not stays" 2.0.bin
for age in 30 d 30y -1d ''; do
    run cache clear --older-than "$age"
    expect "an age of '$age'" 2 "err:is no age"
done
echo mine >"$FOLDER/letter"
ln -s "$WORK/2.0.bin" "$FOLDER/$(printf '%064d' 0).bin"
run cache clear
expect "all" 0 "err:3 images removed"
[ "$(ls "$FOLDER")" = "$(printf '%s\n' "$(printf '%064d' 0).bin" CACHEDIR.TAG letter)" ] && ok "and nothing else" || not_ok "and nothing else" "$(ls "$FOLDER")"
[ -s 2.0.bin ] && ok "nor where a link leads" || not_ok "nor where a link leads"
run cache clear
expect "none" 0 "err:0 images removed"

# ---- words
run cache frobnicate
expect "no such word" 2 "err:use show, path, add, remove or clear"
run cache add
expect "add what?" 2 "err:FILE..."
run cache remove
expect "remove what?" 2 "err:SHA256..."
run cache path x
expect "one too many" 2 "err:'x'"
run cache show --older-than 3d
expect "--older-than" 2 "err:goes with clear"

# ---- settings
update() { # NAME [VARIABLE=VALUE...]: an update that must do, wherever the cache is
    local name=$1
    shift
    cp before.bin flash.bin
    env "$@" "$ESPOTA" ota -v --port file:flash.bin --file 4.0.bin >stdout 2>stderr
    STATUS=$? OUT=$(cat stdout) ERR=$(cat stderr)
    expect "$name" 0
}
rm -rf "$HOME/.cache"
update "another folder" ESPOTA_CACHE="$WORK/other"
is_kept "is used" 4.0.bin other
update "XDG_CACHE_HOME" XDG_CACHE_HOME="$WORK/xdg"
is_kept "is heeded" 4.0.bin xdg/espota
update "no folder" ESPOTA_CACHE=
update "switched off" ESPOTA_NO_CACHE=1
update "no home" -u HOME
expect "and it says so" 0 "err:no home directory"
update "room for nothing" ESPOTA_CACHE_SIZE=1K
expect "and it says why" 0 "err:not in the cache: "
[ ! -e "$HOME/.cache" ] && ok "nothing is left there" || not_ok "nothing is left there" "$(find "$HOME")"
ESPOTA_CACHE_SIZE=much run ota --port file:flash.bin --file 4.0.bin
expect "a size that is none" 2 "err:cache-size 'much' is not a size" "err:ESPOTA_CACHE_SIZE"
printf 'cache = mine\ncache-size = 100K\n' >settings.ini
update "by a file" ESPOTA_CONFIG="$WORK/settings.ini"
is_kept "relative to it" 4.0.bin mine
ESPOTA_CONFIG=$WORK/settings.ini run cache add 2.0.bin
expect "one more" 0
is_kept "is there" 2.0.bin mine
is_not_kept "in place of what was not used for longer" 4.0.bin mine
update "the environment before the file" ESPOTA_CONFIG="$WORK/settings.ini" ESPOTA_CACHE=
is_not_kept "also where it is empty" 4.0.bin mine
ESPOTA_CACHE='' run cache
expect "switched off" 0 "err:switched off"
ESPOTA_CACHE='' run cache --json
[ "$(jq -c '[.folder, .images]' <<<"$OUT")" = '[null,[]]' ] && ok "also as JSON" || not_ok "also as JSON" "$OUT"
ESPOTA_CACHE='' run cache path
expect "is nowhere" 1 "err:switched off"
run ota --port file:flash.bin --file 3.0.bin -q
[ -z "$ERR" ] && ok "nobody hears of it" || not_ok "nobody hears of it" "$ERR"

# ---- a folder that is not as it should be
trouble() { # NAME FOLDER TEXT: the update does, and -v says what is wrong; without it nothing is said
    update "$1" ESPOTA_CACHE="$2"
    expect "$1: -v says so" 0 "err:4.0.bin is not in the cache: " "err:$3"
    cp before.bin flash.bin
    ESPOTA_CACHE=$2 run ota --port file:flash.bin --file 4.0.bin
    if [[ "$ERR" != *"not in the cache"* ]]; then ok "$1: nothing else does"; else not_ok "$1: nothing else does" "$ERR"; fi
}
touch file
trouble "a file" "$WORK/file" "no directory"
trouble "below a file" "$WORK/file/below" "director"
mkdir -m 777 open
trouble "open to all" "$WORK/open" "others can change"
trouble "a long name" "$WORK/$(printf '%0300d' 0)" "too long"
ln -s nowhere dangling
trouble "a link to nowhere" "$WORK/dangling" "cannot"
if [ "$(id -u)" -eq 0 ]; then
    mkdir strangers && chown 12345 strangers
    trouble "somebody else's" "$WORK/strangers" "belongs to somebody else"
    if command -v setpriv >/dev/null; then
        chmod 755 "$WORK"
        mkdir -m 755 theirs && chown 12345:12345 theirs
        cp before.bin theirs/flash.bin && cp 4.0.bin theirs/ && chown 12345 theirs/flash.bin
        mkdir -m 500 theirs/locked && chown 12345 theirs/locked
        ESPOTA_CACHE=$WORK/theirs/locked setpriv --reuid 12345 --regid 12345 --clear-groups "$ESPOTA" ota -v --port file:theirs/flash.bin --file theirs/4.0.bin >stdout 2>stderr
        STATUS=$? OUT=$(cat stdout) ERR=$(cat stderr)
        expect "a folder that cannot be written" 0 "err:4.0.bin is not in the cache: "
    else
        skip "a folder that cannot be written" "no setpriv"
    fi
else
    mkdir -m 500 locked
    trouble "a folder that cannot be written" "$WORK/locked" "cannot write"
    skip "somebody else's" "not root"
fi
# a disk that is full: no file may grow beyond 16K
(
    ulimit -f 16
    ESPOTA_CACHE=$WORK/full "$ESPOTA" cache add 4.0.bin
) >stdout 2>stderr
STATUS=$? OUT=$(cat stdout) ERR=$(cat stderr)
expect "a disk that is full" 1 "err:cannot write to the cache"
[ -z "$(ls full)" ] && ok "leaves nothing behind" || not_ok "leaves nothing behind" "$(ls full)"

# ---- names and contents from a stranger
mkdir -m 700 odd
printf 'x' >"odd/$(printf '%064d' 1).bin"
printf 'x' >$'odd/\e[31mred.bin'
mkdir "odd/$(printf '%064d' 2).bin"
mkfifo "odd/$(printf '%064d' 3).bin"
"$MKIMAGE" -o escape.bin --version $'\e[2J' --project $'a\nb' --seed 9 --size 64K
ESPOTA_CACHE=$WORK/odd run cache add escape.bin
ESPOTA_CACHE=$WORK/odd run cache
expect "odd things in the folder" 0 "out:000000000000" "err:2 images"
[[ "$OUT" != *$'\e'* && "$(wc -l <<<"$OUT")" -eq 3 ]] && ok "nothing reaches the terminal" || not_ok "nothing reaches the terminal" "$(cat -v stdout)"
ESPOTA_CACHE=$WORK/odd run cache --json
check "JSON of it is JSON" jq -e '.images | length == 2' stdout

# ---- two at once
(for _ in 1 2 3 4 5; do ESPOTA_CACHE=$WORK/shared "$ESPOTA" cache add -q 2.0.bin 3.0.bin 4.0.bin || echo failed; done) >one.txt 2>&1 &
other=$!
(for _ in 1 2 3 4 5; do ESPOTA_CACHE=$WORK/shared "$ESPOTA" cache add -q 4.0.bin 3.0.bin 2.0.bin || echo failed; done) >two.txt 2>&1
wait "$other"
[ ! -s one.txt ] && [ ! -s two.txt ] && ok "two processes at once" || not_ok "two processes at once" "$(cat one.txt two.txt)"
for version in 2.0 3.0 4.0; do is_kept "$version is there" "$version.bin" shared; done
[ "$(find shared -type f | wc -l)" = 4 ] && ok "and nothing else" || not_ok "and nothing else" "$(ls shared)"
