#!/usr/bin/env bash
# The library speaks of no option and no command of the program: an error has a hint, which src/cli/hints.c puts into words.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(find src -name '*.[ch]' -not -path 'src/cli/*' -not -path 'src/ui/*' -not -path 'src/sim/*' | sort)
# in a string: an option (five dashes are PEM's), or a command of ours
pattern='"([^"]*[^-"])?--[a-z][a-z0-9-]*|"[^"]*espota [a-z]+[^"]*"'
[ "$(printf '%s\n' '"--force"' '"give --force"' '"see '"'espota plan'"'"' '"-----begin "' | grep -cE "$pattern")" = 3 ]
if grep -nE "$pattern" "${files[@]}"; then
    echo "the library names options or commands of the program: use espota_fail_hint" >&2
    exit 1
fi
