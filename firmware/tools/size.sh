#!/usr/bin/env bash
# What the portable core of the agent takes: code and constants, and the RAM of one agent with one stream; without the decoder
# of coded streams, with it, and with one that builds on images that flash holds (which a build may leave out), for one
# instruction set, its default table and a ring of 2 KiB. And what the programs take that are made of it, which have more of
# table and ring. Usage: size.sh BUILD/firmware ISA PREFIX CHIP [ISA PREFIX CHIP ...]. Fails beyond 12 and 24 KiB of code, 12
# and 56 KiB of RAM; of bases, the RAM of the decoder has that limit.
set -euo pipefail
folder=$1 status=0
shift
# sizes of the sections whose names match
sections() { "${prefix}size" -A "$1" | awk -v names="$2" '$1 ~ names { sum += $2 } END { print sum + 0 }'; }
limit() { # NAME VALUE LIMIT
    printf '%-8s %-42s %6d of %6d bytes\n' "$isa" "$1" "$2" "$3"
    [ "$2" -le "$3" ] || { echo "too much"; status=1; }
}
line() { # NAME VALUE
    printf '%-8s %-42s %6d bytes\n' "$isa" "$1" "$2"
}
code='^\.(text|literal|rodata|srodata|data|sdata)'
ram() { sections "$folder/$1/$isa/firmware/tools/ram.o" '^\.(bss|sbss)'; }
read -r plain based < <("$folder/tools/decoder_memory")
while [ $# -gt 0 ]; do
    isa=$1 prefix=$2 chip=$3
    shift 3
    limit "core: code and constants" "$(sections "$folder/core/$isa/core.o" "$code")" 12288
    limit "core: RAM" "$(ram core)" 12288
    limit "core with decoder: code and constants" "$(sections "$folder/decoder/$isa/core.o" "$code")" 24576
    limit "core with decoder: RAM, default table" $(($(ram decoder) + plain)) 57344
    line "... that takes bases: code and constants" "$(sections "$folder/bases/$isa/core.o" "$code")"
    limit "... that takes bases: RAM of the decoder" "$based" 57344
    line "... that takes bases: RAM of all" $(($(ram bases) + based))
    line "recovery agent of $chip: RAM" "$(sections "$folder/$chip/recovery.elf" '^\.(bss|data)')"
    line "recovery agent of $chip: image" "$(stat -c %s "$folder/$chip/recovery.bin")"
    line "stub of $chip: code and data" "$(sections "$folder/stub/$chip/stub.elf" '^\.(text|data)$')"
done
exit $status
