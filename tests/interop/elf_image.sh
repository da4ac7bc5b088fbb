#!/usr/bin/env bash
# Images of ELF files: byte for byte esptool's, for ten chips, with each option; of ELF files made here, some by real linkers.
# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
venv=$("$ROOT/tests/venv.sh" 2>venv.log) || { skip "ELF images" "esptool cannot be installed: $(tail -1 venv.log)"; exit 0; }

# alike NAME CHIP ELF ARGS...: esptool and espota make the same of it.
alike() {
    local name=$1 chip=$2 elf=$3
    shift 3
    rm -f theirs.bin ours.bin
    "$venv/bin/esptool" --chip "$chip" elf2image -o theirs.bin "$@" "$elf" >theirs.log 2>&1 || { not_ok "$name: esptool" "$(cat theirs.log)"; return; }
    run image "$elf" -o ours.bin --chip "$chip" "$@"
    if [ "$STATUS" -eq 0 ]; then same "$name" ours.bin theirs.bin; else not_ok "$name" "$ERR"; fi
}

chips=(esp32 esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32h2 esp32p4)
for chip in "${chips[@]}"; do
    "$BUILD/tools/mkelf" "$chip.elf" "$chip" 70001
    alike "$chip: an app" "$chip" "$chip.elf"
    frequency=40m
    case $chip in esp32c2) frequency=60m ;; esp32h2) frequency=24m ;; esp32c6) frequency=80m ;; esac
    alike "$chip: its header" "$chip" "$chip.elf" --flash-mode dio --flash-freq "$frequency" --flash-size 4MB --min-rev 3 \
        --min-rev-full 302 --max-rev-full 399
    alike "$chip: by segments" "$chip" "$chip.elf" --use-segments
    alike "$chip: for the ROM" "$chip" "$chip.elf" --ram-only-header --use-segments
    alike "$chip: without a digest" "$chip" "$chip.elf" --dont-append-digest
    alike "$chip: with room for a signature" "$chip" "$chip.elf" --secure-pad-v2
    alike "$chip: filled up" "$chip" "$chip.elf" --pad-to-size 64KB
    run image "$chip.elf" --json
    expect "$chip: told by the ELF file" 0 "out:\"chip\": \"$chip\""
done
alike "secure boot V1" esp32 esp32.elf --secure-pad
alike "the hash elsewhere" esp32c3 esp32c3.elf --elf-sha256-offset 0xb0
for size in 16KB 32KB; do alike "pages of $size" esp32c2 esp32c2.elf --flash-mmu-page-size $size; done
for size in 8KB 32KB; do alike "pages of $size" esp32c6 esp32c6.elf --flash-mmu-page-size $size; done

# Random programs: sections of all sizes that adjoin, nearly adjoin or do not, in groups in any order.
cat >random_elf.py <<'PY'
import random, struct, sys
seed, machine, drom, irom, iram, dram = int(sys.argv[1]), *(int(a, 0) for a in sys.argv[2:7])
rng = random.Random(seed)
sections = []
groups = []
def stretch(at, names):
    sections = []
    groups.append(sections)
    for name in names:
        size = rng.choice([1, 3, 4, 9, 100, 4096, rng.randrange(1, 30000)])
        sections.append((name, at, rng.randbytes(size)))
        at = (at + size + 3 & ~3) + rng.choice([0, 0, 0, 4, 12, 64, 1000])
description = struct.pack("<II8s32s", 0xABCD5432, 0, b"", b"1.0") + bytes(208)
sections.append((".flash.appdesc", drom + 0x20, description))
rodata = rng.choice([4, 5000, 65536 - 0x120 - rng.choice([0, 4, 0x20, 0x24, 0x28]), rng.randrange(1, 150000)])
sections.append((".flash.rodata", drom + 0x120, rng.randbytes(rodata)))
groups.append(sections)
groups.append([(".flash.text", irom + rng.choice([0x20, 0x24, 0, 0x100]), rng.randbytes(rng.randrange(1, 150000)))])
stretch(iram, [".iram0.vectors", ".iram0.text", ".iram0.more"][:rng.randrange(0, 4)])
stretch(dram, [".dram0.data", ".dram0.more", ".dram0.last"][:rng.randrange(0, 4)])
rng.shuffle(groups)
sections = sum(groups, [])
strings, data, headers, start = b"\0", b"", bytes(40), 52
for name, address, content in sections:
    headers += struct.pack("<10I", len(strings), 1, 2, address, start + len(data), len(content), 0, 0, 4, 0)
    strings += name.encode() + b"\0"
    data += content
headers += struct.pack("<10I", len(strings), 3, 0, 0, start + len(data), len(strings) + 10, 0, 0, 1, 0)
strings += b".shstrtab\0"
data += strings
data += bytes(-len(data) % 4)
count = len(sections) + 2
header = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, iram, 0, start + len(data), 0, 52, 32, 0, 40, count, count - 1)
open(f"random{seed}.elf", "wb").write(header + data + headers)
PY
differ=0
for seed in $(seq 1 12); do
    case $((seed % 4)) in
    0) chip=esp32 places=(94 0x3f400000 0x400d0000 0x40080000 0x3ffb0000) ;;
    1) chip=esp32s3 places=(94 0x3c000000 0x42000000 0x40374000 0x3fc90000) ;;
    2) chip=esp32c3 places=(243 0x3c000000 0x42000000 0x40380000 0x3fc90000) ;;
    3) chip=esp32c6 places=(243 0x42000000 0x42040000 0x40800000 0x40820000) ;;
    esac
    python3 random_elf.py "$seed" "${places[@]}"
    "$venv/bin/esptool" --chip $chip elf2image -o theirs.bin "random$seed.elf" >theirs.log 2>&1
    theirs=$?
    run image "random$seed.elf" -o ours.bin --chip $chip
    if [ $theirs -eq 0 ] && ! cmp -s ours.bin theirs.bin || { [ $theirs -ne 0 ] && [ "$STATUS" -eq 0 ]; }; then
        differ=$((differ + 1))
        not_ok "random program $seed for the $chip" "$ERR" "$(tail -2 theirs.log)"
    fi
    rm -f ours.bin theirs.bin
done
[ $differ -eq 0 ] && ok "12 random programs"

# What linkers make: the same C with an app's sections, in flash and RAM, with bss and what is not loaded at all.
cat >app.c <<'C'
struct description { unsigned magic, secure; char rest[248]; };
__attribute__((section(".appdesc"), used)) const struct description description = { 0xabcd5432u, 0, "" };
const char text[] = "constants that stay in flash";
int counter = 7, later[1000];
__attribute__((section(".noinit"))) int survives;
__attribute__((section(".fast"))) int fast(int a) { return a * 3 + counter; }
int app(void) { later[3] = fast(text[2]); return later[3] + survives; }
C
cat >app.ld <<'LD'
ENTRY(app)
SECTIONS
{
    .flash.appdesc DROM + 0x20 : ALIGN(16) { KEEP(*(.appdesc)) }
    .flash.rodata : { *(.rodata*) }
    .iram0.text IRAM : ALIGN(4) { *(.fast*) }
    .dram0.data DRAM : ALIGN(8) { *(.data*) *(.sdata*) }
    .noinit (NOLOAD) : { *(.noinit*) }
    .dram0.bss (NOLOAD) : ALIGN(8) { *(.bss*) *(.sbss*) *(COMMON) }
    .flash.text IROM + 0x20 : ALIGN(4) { *(.literal*) *(.text*) }
}
LD
link() { # NAME CHIP DROM IROM IRAM DRAM COMPILER...
    local name=$1 chip=$2 at="-Wl,--defsym,DROM=$3,--defsym,IROM=$4,--defsym,IRAM=$5,--defsym,DRAM=$6"
    shift 6
    if ! command -v "$1" >/dev/null; then
        skip "$name" "no $1"
        return
    fi
    if "$@" -Os -g -ffreestanding -nostdlib -Wl,--no-warn-rwx-segments -Wl,--build-id=none "$at" -T app.ld -o "$chip-linked.elf" app.c >link.log 2>&1; then
        alike "$name" "$chip" "$chip-linked.elf"
        alike "$name, by segments" "$chip" "$chip-linked.elf" --use-segments
    else
        not_ok "$name: linking" "$(cat link.log)"
    fi
}
link "what GNU ld makes for Xtensa" esp32 0x3f400000 0x400d0000 0x40080000 0x3ffb0000 xtensa-lx106-elf-gcc -mtext-section-literals
link "what GNU ld makes for RISC-V" esp32c3 0x3c000000 0x42010000 0x40380000 0x3fc90000 riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -Wl,-m,elf32lriscv

# What esptool calls a fault and esp-hal's linker scripts do: constants and code in one page of the MMU. esptool finds the
# image right.
python3 - <<'PY'
import re
text = open("random_elf.py").read()
text = re.sub(r'(?s)rodata = rng.*?sections = sum\(groups, \[\]\)', 'sections = [(".rodata", drom + 0x20, bytes(1700)), (".text", drom + 0x20 + 1736, bytes(5000)), (".rwtext", iram, bytes(300))]', text)
open("near_elf.py", "w").write(text)
PY
python3 near_elf.py 0 243 0x42000000 0x42000000 0x40800000 0x40820000
run image random0.elf -o near.bin --chip esp32c6
expect "two mapped sections in one page" 0
"$venv/bin/esptool" image-info near.bin >info.log 2>&1
check "esptool finds the image right" grep -q "Checksum: .*(valid)" info.log
check "with the distance that the sections have" grep -qE "0x420006e8 +0x000006e0 " info.log

# esptool takes what is made for what it is.
"$ESPOTA" image -q esp32c3.elf -o made.bin
"$venv/bin/esptool" image-info made.bin >info.log 2>&1
check "esptool finds the checksum right" grep -q "Checksum: .*(valid)" info.log
check "and the hash" grep -q "Validation hash: .*(valid)" info.log
