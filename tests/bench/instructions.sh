#!/usr/bin/env bash
# What decoding costs: instructions a byte, counted by QEMU (-icount), of app images given as arguments, on the CPU that they
# are for. TABLE, CFLAGS: log2 of the table's bytes (14), how it is built (-O2).
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
table=${TABLE:-14}
flags=${CFLAGS:--O2}
for tool in {riscv64-unknown-elf,xtensa-lx106-elf}-gcc qemu-system-{riscv32,xtensa}; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
sources=(tests/bench/count/main.c firmware/port/bare/string.c src/format/coder{,_data,_match,_mix}.c)
common=(-std=c99 -ffreestanding -nostdlib -fno-tree-loop-distribute-patterns "-Wl,--no-warn-rwx-segments"
    -Iinclude -Isrc -Ifirmware/port/bare/include -DSTREAM="\"$work/stream\"" -o "$work/count.elf")
quiet=(-nographic -monitor none -icount "shift=0" -kernel "$work/count.elf")

count_riscv() {
    # shellcheck disable=SC2086 # flags are several words
    riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -misa-spec=2.2 $flags "${common[@]}" -DESPOTA_CODER_RISCV \
        -T tests/bench/count/riscv.ld tests/bench/count/start_riscv.S src/format/coder_riscv.c "${sources[@]}" -lgcc
    timeout 60 qemu-system-riscv32 -M virt -m 64M -bios none -serial stdio "${quiet[@]}" </dev/null
}

count_xtensa() {
    # shellcheck disable=SC2086
    xtensa-lx106-elf-gcc -mlongcalls -mtext-section-literals $flags "${common[@]}" -DESPOTA_CODER_XTENSA \
        -T tests/bench/count/xtensa.ld tests/bench/count/start_xtensa.S src/format/coder_xtensa.c "${sources[@]}" -lgcc
    timeout 60 qemu-system-xtensa -M sim -cpu dc233c -m 64M -semihosting "${quiet[@]}" </dev/null
}

printf '%-26s %-6s %9s %8s %8s  (table 2^%s, %s)\n' image CPU stream a_byte slowest "$table" "$flags"
for image in "$@"; do
    "$build/tools/encode" "$image" "$table" "$work/stream"
    case $(od -An -tu1 -j1 -N1 "$work/stream" | tr -d ' ') in
        1) cpu=xtensa ;;
        *) cpu=riscv ;;
    esac
    read -r sectors sum slowest < <("count_$cpu")
    [ $((16#$sectors)) -gt 0 ] || { echo "$image: not decoded" >&2; exit 1; }
    printf '%-26s %-6s %9s %8d %8d\n' "$(basename "$image")" "$cpu" "$(stat -c %s "$work/stream")" \
        $((16#$sum / 16#$sectors)) $((16#$slowest))
done
