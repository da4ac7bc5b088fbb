#!/usr/bin/env bash
# What the portable core of the agent takes: code and constants, and the RAM of one agent; and the whole recovery image.
# Usage: size.sh PREFIX FOLDER [PREFIX FOLDER ...]. Fails beyond 12 KiB of either.
set -euo pipefail
limit=12288 status=0
while [ $# -gt 0 ]; do
    prefix=$1 folder=$2
    shift 2
    code=$("${prefix}size" -A "$folder/core.o" | awk '$1 ~ /^\.(text|literal|rodata|srodata|data|sdata)/ { sum += $2 } END { print sum }')
    ram=$("${prefix}size" -A "$folder/recovery.elf" | awk '$1 == ".bss" { print $2 }')
    image=$(stat -c %s "$folder/recovery.bin")
    printf '%-9s core %6d bytes of code and constants; recovery agent %6d bytes of RAM, image %6d bytes\n' \
        "$(basename "$folder")" "$code" "$ram" "$image"
    [ "$code" -le $limit ] && [ "$ram" -le $limit ] || status=1
done
[ $status -eq 0 ] || echo "more than $limit bytes"
exit $status
