#!/usr/bin/env bash
# ESP-IDF's monitor and panic decoder: the same lines pass a filter, the same addresses become the same places, and the
# same panic the same backtrace. Their judge is in turn the toolchains' addr2line, and gdb.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
ELF=$ROOT/tests/data/elf
venv=$("$ROOT/tests/venv.sh" 2>venv.log) || { skip "ESP-IDF's monitor" "it cannot be installed: $(tail -1 venv.log)"; exit 0; }
export PATH=$venv/bin:$PATH

# watch FILE ARGS...: what espota shows of a device that prints the file, whose last line is END.
watch() {
    local file=$1 port server
    shift
    exec 3< <(exec python3 "$ROOT/tests/interop/lines.py" "$file")
    server=$!
    read -r port <&3
    run monitor --port "tcp://127.0.0.1:$port" --until '^END$' --timeout 20 "$@"
    [ "$STATUS" -eq 0 ] || not_ok "monitor ends" "$ERR"
    kill "$server"
    wait "$server" 2>/dev/null
}

# ---- filters
cat >filter.py <<'PY'
import sys
from esp_idf_monitor.base.line_matcher import LineMatcher
matcher = LineMatcher(sys.argv[1])
for line in open(sys.argv[2], newline="\n"):
    if matcher.match(line):
        sys.stdout.write(line)
PY
python3 - >log.txt <<'PY'
import itertools
for level, time, tag in itertools.product("NEWIDVX", ["(12) ", "(00:00:00.100) ", "(20-02-02 00:00:00.100) ", "", "() "],
                                          ["wifi", "app", "a b", "(odd)", "x::y", "wifi.sta", "*"]):
    print(f"{level} {time}{tag}: text: of {tag}")
    print(f"{level} {time}{tag}:text")
print("plain\n\nI\nI \nE (\nE (1\nE (1)\nE (1) \nW (1) tag\nboot: x\nEND")
PY
count=0 same=0
while read -r filter; do
    count=$((count + 1))
    python3 filter.py "$filter" log.txt >theirs.txt 2>theirs.log || { not_ok "their filter '$filter'" "$(tail -1 theirs.log)"; continue; }
    watch log.txt --print-filter "$filter"
    if cmp -s theirs.txt stdout; then same=$((same + 1)); else not_ok "filter '$filter'" "$(diff theirs.txt stdout | head -5)"; fi
done <<'LIST'

*
*:V
*:N
*:I
wifi
wifi:W *:I
wifi:w app:E
wifi:N *:D
wifi:E wifi:I
(odd):I
wifi: *:W
wifi.sta:* *:E
END:I
LIST
[ "$same" -eq "$count" ] && ok "$same filters show the same lines" || not_ok "the same lines" "$same of $count"
for filter in ':I' 'a:X' 'a:b:c'; do
    run monitor --print-filter "$filter" --port tcp://127.0.0.1:1
    if [ "$STATUS" -eq 2 ] && ! python3 filter.py "$filter" log.txt >/dev/null 2>&1; then ok "both refuse the filter '$filter'"; else not_ok "both refuse the filter '$filter'" "$STATUS" "$ERR"; fi
done

# ---- addresses
cat >places.py <<'PY'
import sys
from esp_idf_panic_decoder import PcAddressDecoder
decoder = PcAddressDecoder(sys.argv[1], [sys.argv[2]])
for line in open(sys.argv[3], "rb"):
    sys.stdout.write(decoder.decode_address(line))
PY
places() { # NAME PREFIX ELF FIRST_ADDRESS
    if ! command -v "$2addr2line" >/dev/null; then
        skip "$1: places" "there is no $2addr2line"
        return
    fi
    python3 - "$4" >addresses.txt <<'PY'
import sys
first = int(sys.argv[1], 16)
for at in range(first - 4, first + 0x90, 2):
    print(f"at 0x{at:08x}:0x3ffb1234")
print("END")
PY
    python3 places.py "$2" "$3" addresses.txt >theirs.txt 2>theirs.log || { not_ok "$1: their places" "$(tail -1 theirs.log)"; return; }
    watch addresses.txt --elf "$3"
    sed -n 's/^--- //p' stdout >ours.txt
    if [ -s theirs.txt ]; then same "$1: each address is at the same place" theirs.txt ours.txt; else not_ok "$1: they find places"; fi
}
places RISC-V riscv64-unknown-elf- "$ELF/tiny_riscv.elf" 0x42000000
places Xtensa xtensa-lx106-elf- "$ELF/tiny_xtensa.elf" 0x400d0000

# ---- a panic
panic=$(sed -n 's/^    "\(.*\)".*/\1/p' "$ROOT/tests/fixtures/panic_text.h" | sed -e 's/" PANIC_SHA256 "/000/' -e 's/\\n//g')
printf '%s\n' "$panic" END >panic.txt
if command -v gdb-multiarch >/dev/null; then
    mkdir -p bin
    ln -s "$(command -v gdb-multiarch)" bin/any-gdb
    cat >backtrace.py <<'PY'
import re
import sys
from esp_idf_panic_decoder import PanicOutputDecoder
text = open(sys.argv[2], "rb").read()
text = text[: text.index(b"ELF file SHA256")]
output = PanicOutputDecoder(sys.argv[1], [sys.argv[3]], "esp32c3").process_panic_output(text).decode()
for frame in re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\w+) \(.*?\) at (\S+)$", output, re.M):
    print(*frame)
PY
    python3 backtrace.py "$PWD/bin/any-" panic.txt "$ELF/tiny_riscv.elf" >theirs.txt 2>theirs.log || not_ok "gdb makes a backtrace" "$(tail -1 theirs.log)"
    watch panic.txt --elf "$ELF/tiny_riscv.elf"
    sed -nE 's/^--- (#[0-9]+ +0x[0-9a-f]+ in |    \(inlined by\) )(.*) at (.*)$/\2 \3/p' stdout | sed 's# /src/# #' >ours.txt
    if [ "$(grep -c . theirs.txt)" -eq 4 ]; then same "a panic: the backtrace is gdb's" theirs.txt ours.txt; else not_ok "gdb makes a backtrace" "$(cat theirs.txt theirs.log)"; fi
else
    skip "a panic: the backtrace is gdb's" "there is no gdb-multiarch"
fi
