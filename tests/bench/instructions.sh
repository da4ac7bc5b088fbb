#!/usr/bin/env bash
# What decoding costs: instructions a byte, counted by QEMU (-icount), of app images given as arguments, on the CPU that they
# are for. BASE: an image that they are made from. TABLE: log2 of the table's bytes (14), and 128 for the deep model. Built as firmware.mk does: CFLAGS (-Os), and the arithmetic MIX (-O2).
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
table=${TABLE:-14}
flags=${CFLAGS:--Os}
mix=${MIX:--O2}
for tool in {riscv64-unknown-elf,xtensa-lx106-elf}-gcc qemu-system-{riscv32,xtensa}; do
    command -v "$tool" >/dev/null || { echo "SKIP: no $tool"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
common=(-std=c99 -ffreestanding -DESPOTA_CODER_DEEP_MODEL -fno-tree-loop-distribute-patterns -Iinclude -Isrc -isystem firmware/port/bare/include
    -DSTREAM="\"$work/stream\"" -DBASE="\"$work/base\"" -DESPOTA_CODER_BASE)
link=(-nostdlib "-Wl,--no-warn-rwx-segments" -o "$work/count.elf")
quiet=(-nographic -monitor none -icount "shift=0" -kernel "$work/count.elf")
riscv=(riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -misa-spec=2.2 -DESPOTA_CODER_RISCV)
xtensa=(xtensa-lx106-elf-gcc -mtext-section-literals -DESPOTA_CODER_XTENSA)

# objects CPU COMPILER...: all but the stream, in $work/CPU
objects() {
    local cpu=$1 source more
    shift
    [ -d "$work/$cpu" ] && return
    mkdir "$work/$cpu"
    for source in tests/bench/count/main.c firmware/port/bare/string.c firmware/port/bare/divide.c src/format/coder*.c; do
        more=
        case $source in
            *_encode.c) continue ;;
            *_mix.c | *_deep.c | *_arithmetic.c | *_base.c | *_map.c | *_segments.c) more=$mix ;;
        esac
        # shellcheck disable=SC2086 # flags are several words
        "$@" "${common[@]}" $flags $more -c -o "$work/$cpu/$(basename "$source").o" "$source"
    done
}

count_riscv() {
    objects riscv "${riscv[@]}"
    "${riscv[@]}" "${common[@]}" "${link[@]}" -T tests/bench/count/riscv.ld tests/bench/count/start_riscv.S "$work"/riscv/*.o -lgcc
    timeout 60 qemu-system-riscv32 -M virt -m 64M -bios none -serial stdio "${quiet[@]}" </dev/null
}

count_xtensa() {
    objects xtensa "${xtensa[@]}"
    "${xtensa[@]}" "${common[@]}" "${link[@]}" -T tests/bench/count/xtensa.ld tests/bench/count/start_xtensa.S "$work"/xtensa/*.o -lgcc
    timeout 60 qemu-system-xtensa -M sim -cpu dc233c -m 64M -semihosting "${quiet[@]}" </dev/null
}

printf '%-26s %-6s %9s %8s %8s  (table 2^%s, %s, %s)\n' image CPU stream a_byte slowest "$table" "$flags" "$mix"
if [ -n "${BASE:-}" ]; then cp "$BASE" "$work/base"; else : >"$work/base"; fi
for image in "$@"; do
    "$build/tools/encode" "$image" "$table" "$work/stream" ${BASE:+"$BASE"}
    case $(od -An -tu1 -j1 -N1 "$work/stream" | tr -d ' ') in
        1) cpu=xtensa ;;
        *) cpu=riscv ;;
    esac
    read -r sectors sum slowest < <("count_$cpu")
    [ $((16#$sectors)) -gt 0 ] || { echo "$image: not decoded" >&2; exit 1; }
    printf '%-26s %-6s %9s %8d %8d\n' "$(basename "$image")" "$cpu" "$(stat -c %s "$work/stream")" \
        $((16#$sum / 16#$sectors)) $((16#$slowest))
done
