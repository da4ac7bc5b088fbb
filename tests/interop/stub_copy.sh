#!/usr/bin/env bash
# The stubs in src/device/stub/images are what firmware/port/stub makes. Another compiler than the recorded one makes other
# bytes that do the same, so it decides nothing.
source "$(dirname "$0")/../lib.sh"
cd "$ROOT" || exit 1
images=src/device/stub/images
for tool in riscv64-unknown-elf-gcc xtensa-lx106-elf-gcc; do
    command -v $tool >/dev/null || { skip "the stubs are what their source makes" "$tool is not here"; exit 0; }
done
check "the stubs build" make -s BUILD="$BUILD" stubs
count=0
for made in "$BUILD"/firmware/stub/*/stub.inc; do
    chip=$(basename "$(dirname "$made")")
    count=$((count + 1))
    if [ "$(head -n 1 "$made")" != "$(head -n 1 "$images/$chip.inc")" ]; then
        skip "$chip: the copy is what its source makes" "another compiler: $(head -n 1 "$images/$chip.inc")"
    elif cmp -s "$made" "$images/$chip.inc"; then
        ok "$chip: the copy is what its source makes"
    else
        not_ok "$chip: the copy is what its source makes" "make stubs-update, and check it in"
    fi
done
[ "$count" = "$(find $images -name '*.inc' | wc -l)" ] && ok "of each there is a source" || not_ok "of each there is a source"
