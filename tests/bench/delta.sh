#!/usr/bin/env bash
# What travels to make one image of another, by ours and by others, side by side: of consecutive app images given as
# arguments, oldest first. VENV: where detools is (python3 -m venv VENV && VENV/bin/pip install detools).
# Usage: tests/bench/delta.sh OLD NEW [NEWER ...]
set -euo pipefail
build=${BUILD:-$(dirname "$0")/../../build}
venv=${VENV:-}
[ $# -ge 2 ] || { echo "usage: delta.sh OLD NEW [NEWER ...]" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
detools=$(command -v "$venv/bin/detools" || command -v detools || true)
for tool in zstd bsdiff; do
    command -v "$tool" >/dev/null || echo "SKIP: no $tool"
done
[ -n "$detools" ] || echo "SKIP: no detools"

# each prints the bytes of its patch of $old to $new, or - where it is not there
size() { if "$@" >/dev/null 2>&1 && [ -s "$work/p" ]; then stat -c %s "$work/p"; else echo -; fi; }
by_deflate() { python3 -c 'import sys, zlib; sys.stdout.buffer.write(zlib.compress(open(sys.argv[1], "rb").read(), 9))' "$new" >"$work/p"; }
by_zstd() { command -v zstd >/dev/null && zstd -q -f --ultra -22 --long=24 --patch-from="$old" "$new" -o "$work/p"; }
by_bsdiff() { command -v bsdiff >/dev/null && bsdiff "$old" "$new" "$work/p"; }
by_detools() { [ -n "$detools" ] && "$detools" create_patch "$@" "$old" "$new" "$work/p"; }
by_ours() { "$build/bench/bench_delta" "$old" "$new" | awk 'NR == 2 { print $3, $4 + $5, $7 }'; }

printf '%-24s %9s %9s %9s %9s %9s %9s %9s %9s %6s %6s %4s\n' image raw deflate zstd bsdiff heatshr. bsdiff+LZ hdiff+LZ ours ratio s MB
declare -A sum
old=$1
shift
for new in "$@"; do
    row=()
    for way in "stat" by_deflate by_zstd by_bsdiff "by_detools -c heatshrink" "by_detools -c lzma" "by_detools -t hdiffpatch -a hdiffpatch -c lzma"; do
        rm -f "$work/p"
        # shellcheck disable=SC2086 # options are several words
        if [ "$way" = stat ]; then row+=("$(stat -c %s "$new")"); else row+=("$(size $way)"); fi
    done
    read -r ours seconds memory < <(by_ours)
    row+=("$ours")
    ratio=$(awk -v a="$ours" -v b="${row[6]}" 'BEGIN { if (b > 0) printf "%.3f", a / b; else print "-" }')
    printf '%-24s %9s %9s %9s %9s %9s %9s %9s %9s %6s %6s %4s\n' "$(basename "$new")" "${row[@]}" "$ratio" "$seconds" "$memory"
    for i in "${!row[@]}"; do
        [ "${row[i]}" = - ] || sum[$i]=$((${sum[$i]:-0} + row[i]))
    done
    old=$new
done
printf '%-24s' all
for i in 0 1 2 3 4 5 6 7; do printf ' %9s' "${sum[$i]:--}"; done
echo
