#!/usr/bin/env bash
# What decoding costs: instructions a byte, counted by QEMU (riscv32, -icount), of app images given as arguments. The Xtensa
# model runs as RISC-V code too: it takes about as many there. TABLE, CFLAGS: log2 of the table's bytes (14), how it is built (-O2).
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
table=${TABLE:-14}
flags=${CFLAGS:--O2}
for tool in riscv64-unknown-elf-gcc qemu-system-riscv32; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
sources=(tests/bench/count/main.c tests/bench/count/start.S firmware/port/bare/string.c)
for source in src/format/coder*.c; do
    [ "$source" = src/format/coder_encode.c ] || sources+=("$source")
done
printf '%-26s %9s %9s %8s %8s  (table 2^%s, %s)\n' image bytes stream a_byte slowest "$table" "$flags"
for image in "$@"; do
    "$build/tools/encode" "$image" "$table" "$work/stream"
    # shellcheck disable=SC2086 # flags are several words
    riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -misa-spec=2.2 -std=c99 -ffreestanding -nostdlib $flags \
        -fno-tree-loop-distribute-patterns -ffunction-sections -Wl,--no-warn-rwx-segments \
        -DESPOTA_CODER_XTENSA -DESPOTA_CODER_RISCV -DSTREAM="\"$work/stream\"" \
        -Iinclude -Isrc -Ifirmware/port/bare/include -T tests/bench/count/riscv.ld -o "$work/count.elf" "${sources[@]}" -lgcc
    read -r bytes average slowest < <(timeout 60 qemu-system-riscv32 -M virt -m 64M -icount shift=0 -bios none \
        -kernel "$work/count.elf" -nographic -monitor none -serial stdio </dev/null)
    printf '%-26s %9s %9s %8s %8s\n' "$(basename "$image")" "$bytes" "$(stat -c %s "$work/stream")" "$average" "$slowest"
done
