#!/usr/bin/env bash
# What bash, zsh and fish offer is what the program has: commands, options, values, ports, and partitions of the table at hand.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
export PATH=$BUILD:$PATH

make_build --version 1.0 --seed 1 --size 64K
"$ESPOTA" flash -q --port file:flash.bin --flash 4M --chip esp32 build
"$ESPOTA" plan -q --flash 4M --no-ota --app-name lonely -o partitions.csv >/dev/null
touch other.pem program.elf
mkdir empty

# ---- what the program offers
# candidates WORDS...: without what they are
candidates() { "$ESPOTA" --complete "$@" | sed -n 'p;n'; }
# offers NAME EXPECTED WORDS...: these and no others
offers() {
    local name=$1 expected=$2 got
    shift 2
    got=$(candidates "$@" | paste -sd ' ')
    if [ "$got" = "$expected" ]; then ok "$name"; else not_ok "$name" "$got" "instead of $expected"; fi
}
commands=$("$ESPOTA" --dump-options | cut -f1 | uniq)
offers "all commands" "$(paste -sd ' ' <<<"$commands") help version" ""
offers "and help of each" "$(paste -sd ' ' <<<"$commands")" help ""
for command in $commands; do
    offers "all options of $command" "$("$ESPOTA" --dump-options | awk -F '\t' -v c="$command" '$1 == c { print "--" $2 }' | paste -sd ' ')" "$command" --
    "$ESPOTA" --dump-options | awk -F '\t' -v c="$command" '$1 == c && $4 != "-" { print $2 }' >taking
    while read -r option; do
        [[ "$(candidates "$command" "--$option" "")" != *--json* ]] || not_ok "$command --$option wants a value"
    done <taking
done
offers "a command that was begun" "rollback" roll
offers "chips" "esp32c2 esp32c3 esp32c5 esp32c6 esp32c61" info --chip esp32c
offers "behind =" "--chip=esp32h2" info --chip=esp32h
offers "rates" "auto 115200 230400 460800 921600 1500000 2000000" flash -b ""
offers "ways" "rom agent repl" status --via ""
offers "nothing for a number" "" plan --appsize ""
offers "ports" "tcp://" info --port tcp
offers "an option before the command" "--port-filter" --port-
offers "its value" "rfc2217://" --port rfc
offers "then the command" "verify" --port x --baud 9 veri
offers "another tool's word" "--table-offset" read_flash --table-
offers "what comes after a value" ":files" write --port x 0x0 ""
offers "and another pair" "MicroPython_1 MicroPython_2" write --port file:flash.bin nvs x Micro
offers "words of a command" "show make :files" nvs ""
offers "those of cache" "show path add remove clear" cache ""
ESPOTA_CACHE=$WORK/empty/cache "$ESPOTA" cache add -q build/firmware.bin
ESPOTA_CACHE=$WORK/empty/cache offers "images by their digits" "$(sha256sum build/firmware.bin | cut -c 1-64)" cache remove ""
ESPOTA_CACHE=$WORK/empty/cache offers "which are words of the command only there" "" cache clear ""
offers "files to be kept" ":files" cache add ""
[ "$("$ESPOTA" --complete flash --app "" | tail -1)" = "bin elf hex uf2" ] && ok "files by their endings" || not_ok "files by their endings"
offers "partitions of a flash file" "nvs otadata phy_init MicroPython_1 MicroPython_2 internalfs all" erase --port file:flash.bin ""
offers "apps alone to boot" "MicroPython_1 MicroPython_2" boot --port=file:flash.bin ""
offers "the project's table" "nvs phy_init lonely internalfs all" erase ""
echo "port = file:flash.bin" >espota.ini
ESPOTA_CONFIG=espota.ini offers "that of the flash file that settings name" "MicroPython_1 MicroPython_2" boot ""
cd empty || exit 1
offers "no table, no partitions" "all" erase ""
offers "a mistake offers nothing" "" frobnicate --
cd ..
# a table from a stranger: what a shell would take for more than a word is not put onto a command line
mkdir empty/hostile
printf '%s,data,fat,,64K,\n' 'plain-1.x' '$(touch here)' '`touch here`' ';touch here' 'a b' ':files' '-x' '~root' 'a&b' "it's" >empty/hostile/partitions.csv
cd empty/hostile || exit 1
offers "labels that are words alone" "plain-1.x" read "pl"
offers "and no others" "plain-1.x all" read ""
rm partitions.csv
mkfifo partitions.csv
timeout 10 "$ESPOTA" --complete read "" >"$WORK/waited" && timeout 10 "$ESPOTA" --complete read --port file:partitions.csv "" >>"$WORK/waited"
[ $? -eq 0 ] && ok "a pipe is not waited for" || not_ok "a pipe is not waited for" "$(cat "$WORK/waited")"
cd "$WORK" || exit 1
"$ESPOTA" --complete >blank
[ ! -s blank ] && ok "nothing to complete" || not_ok "nothing to complete" "$(cat blank)"

# ---- in bash
# in_bash NAME EXPECTED WORDS...: as readline has split them
in_bash() {
    local name=$1 expected=$2 got
    shift 2
    got=$(bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _espota; [ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' _ "$ROOT/completions/espota.bash" "$@" 2>&1 | LC_ALL=C sort | paste -sd " ")
    if [ "$got" = "$expected" ]; then ok "bash: $name"; else not_ok "bash: $name" "$got" "instead of $expected"; fi
}
in_bash "commands" "$(printf '%s\n' "$commands" help version | LC_ALL=C sort | paste -sd ' ')" espota ""
in_bash "an option" "--force2p --force3p" espota plan --force
in_bash "a value" "esp32s2 esp32s3" espota info --chip esp32s
in_bash "a value behind =" "esp32s2 esp32s3" espota info --chip = esp32s
in_bash "all values behind =" "agent repl rom" espota status --via =
in_bash "partitions" "MicroPython_1 MicroPython_2" espota boot --port file : flash.bin Micro
in_bash "files by their endings" "build empty program.elf" espota monitor ""
in_bash "any files, where there are none of them" "build/bootloader.bin build/firmware.bin" espota monitor build/
in_bash "a flash file as port" "flash.bin" espota info -p file : fla
in_bash "a port begun" "//" espota info -p tcp :

# ---- in zsh, whose own functions say what they were given
if command -v zsh >/dev/null; then
    in_zsh() {
        local name=$1 expected=$2 got
        shift 2
        # shellcheck disable=SC2016
        got=$(zsh -f -c '_describe() { print -rl -- "${(@P)@[-1]}" }; _files() { print -r -- "files $*" }; compset() { PREFIX=${PREFIX#*=} }
            complete_it() { local -a words; words=("$@"); local CURRENT=$# PREFIX=${@[-1]}; source "$FILE" }
            complete_it "$@"' _ "$@" 2>&1 | paste -sd ' ')
        if [ "$got" = "$expected" ]; then ok "zsh: $name"; else not_ok "zsh: $name" "$got" "instead of $expected"; fi
    }
    export FILE=$ROOT/completions/_espota
    in_zsh "a command" "rollback:go back from the running app to the one before" espota rollb
    in_zsh "values" "rom agent repl" espota status --via ""
    in_zsh "a value behind =" "--chip=esp32h2" espota info --chip=esp32h
    in_zsh "a colon" "tcp\\://:a UART behind TCP" espota info --port tcp
    in_zsh "files" 'files -g *.(csv|bin)(-.)' espota table ""
    check "zsh: it parses" zsh -n "$FILE"
else
    skip "completion in zsh" "no zsh"
fi

# ---- in fish
if command -v fish >/dev/null; then
    in_fish() {
        local name=$1 expected=$2 got
        got=$(HOME=$WORK fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$ROOT/completions/espota.fish" "$3" 2>&1 | cut -f1 | sort | paste -sd ' ')
        if [ "$got" = "$expected" ]; then ok "fish: $name"; else not_ok "fish: $name" "$got" "instead of $expected"; fi
    }
    in_fish "a command" "rollback" "espota rollb"
    in_fish "values" "agent repl rom" "espota status --via "
    in_fish "a value behind =" "--chip=esp32h2" "espota info --chip=esp32h"
    in_fish "partitions" "MicroPython_1 MicroPython_2" "espota boot --port file:flash.bin Micro"
    in_fish "files by their endings" "build/ empty/ program.elf" "espota monitor "
    in_fish "files behind =" "--app=build/bootloader.bin --app=build/firmware.bin" "espota flash --app=build/"
else
    skip "completion in fish" "no fish"
fi
