#!/usr/bin/env bash
# Bring the option list of every man page up to what the program itself says (espota --dump-options).
# Usage: options.sh ESPOTA [--check]: --check changes nothing and fails where a page differs.
set -euo pipefail
espota=$(realpath "$1") check=${2:-}
cd "$(dirname "$0")"
new=$(mktemp)
trap 'rm -f "$new"' EXIT
differs=0

list() { # COMMAND: its options in mdoc
    "$espota" --dump-options | awk -F '\t' -v command="$1" '
        function phrase(text, first) {
            first = text
            sub(/ .*/, "", first)
            return (first ~ /[0-9,:]|-reset/ ? substr(text, 1, 1) : toupper(substr(text, 1, 1))) substr(text, 2)
        }
        $1 == command {
            argument = $4 == "-" ? "" : " Ar " tolower($4)
            printf ".It "
            if ($3 != "-") printf "Fl %s%s , ", $3, argument
            printf "Fl -%s%s\n%s%s\n", $2, argument, phrase($5), $5 ~ /\.$/ ? "" : "."
        }'
}

for page in espota-*.1; do
    command=${page#espota-}
    if ! "$espota" --dump-options | cut -f 1 | grep -qx "${command%.1}"; then # none of it is lost
        echo "man/$page: the program has no such command"
        differs=1
        continue
    fi
    list "${command%.1}" | awk '
        FNR == NR { list = list $0 "\n"; next }
        copying && /^\.El$/ { copying = 0 }
        !copying { print }
        /^The options are:$/ { due = 1 }
        due && /^\.Bl/ { printf "%s", list; due = 0; copying = 1 }' - "$page" >"$new"
    cmp -s "$new" "$page" && continue
    if [ "$check" = --check ]; then
        echo "man/$page differs from the program: run 'make man'"
        differs=1
    else
        cat "$new" >"$page"
    fi
done
exit "$differs"
