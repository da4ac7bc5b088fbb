#!/usr/bin/env bash
# Maps: drawn to scale as SVG; and tables and maps that follow the terminal, whose columns are those of the characters.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

run plan --flash 16M --svg map.svg
expect "plan draws" 0 "out:MicroPython_2"
same "README's map is what plan draws" map.svg "$ROOT/examples/plan-16M.svg"
run plan --flash 16M --svg -
[ "$STATUS" -eq 0 ] && cmp -s stdout map.svg && ok "to stdout, and nothing else" || not_ok "to stdout, and nothing else" "$OUT"
run plan --flash 16M --svg - --json
expect "not where something else goes" 2 "err:give one"
run plan --flash 16M --svg nowhere/map.svg
expect "where nothing can be written" 1 "err:nowhere/map.svg"
run plan --flash 16M --svg /dev/full
expect "a full disk is noticed" 1 "err:/dev/full"

python3 - >table.csv <<'PY'
print('a<b&"c,data,nvs,0x9000,16K,\n网格网格,data,ota,0xd000,8K,\nx,app,factory,0x10000,1M,\nuser,0x40,0x01,0x110000,64K,\nbig,data,littlefs,,1M,\ndump,data,coredump,,64K,')
PY
run table table.csv --flash 4M --svg table.svg
expect "table draws" 0
cat >look.py <<'PY'
import re, sys, xml.etree.ElementTree as xml
root = xml.parse(sys.argv[1]).getroot()
ns = '{http://www.w3.org/2000/svg}'
bars = {}
for g in root.iter(ns + 'g'):
    title, rect = g.find(ns + 'title').text, g.find(ns + 'rect')
    name, offset, size = title.rsplit(' ', 2)
    bars.setdefault(float(rect.get('y')), []).append((name, int(offset, 16), float(rect.get('x')), float(rect.get('width'))))
whole = bars[min(bars)]
unit = {n: int(n[:-1]) * {'K': 1 << 10, 'M': 1 << 20}[n[-1]] for n in ['16K', '8K', '1M', '64K']}
flash, left, width = 4 << 20, 24, 912
for name, offset, x, w in whole:
    assert abs(x - (left + offset * width / flash)) < 0.11, (name, x)
for name, size in [('x', '1M'), ('user', '64K'), ('big', '1M')]:
    w = [w for n, o, x, w in whole if n == name][0]
    assert abs(w - unit[size] * width / flash) < 0.11, (name, w)
names = [n for n, *_ in whole]
assert names == ['bootloader, table', 'a<b&"c', '网格网格', 'x', 'user', 'big', 'dump'], names
assert len(bars) == 2, bars.keys()  # the small ones before the app, enlarged; one alone is not
assert 'prefers-color-scheme:dark' in root.find(ns + 'style').text
for text in root.iter(ns + 'text'):
    x = float(text.get('x'))
    assert 0 <= x <= 960 and float(text.get('y')) < float(root.get('height'))
PY
if OUT=$(python3 look.py table.svg 2>&1); then ok "it is XML, to scale, with small parts enlarged"; else not_ok "it is XML, to scale, with small parts enlarged" "$OUT"; fi

# on_terminal COLUMNS ARGS...: what espota prints on a terminal so wide
cat >terminal.py <<'PY'
import fcntl, os, pty, struct, sys, termios
columns = int(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 40, columns, 0, 0))
    os.execv(sys.argv[2], sys.argv[2:])
out = b''
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    out += data
os.waitpid(pid, 0)
sys.stdout.buffer.write(out.replace(b'\r\n', b'\n'))
PY
on_terminal() { OUT=$(python3 terminal.py "$1" "$ESPOTA" "${@:2}"); }
# columns: the widest line, as a terminal counts
columns() {
    python3 -c 'import sys, unicodedata
w = lambda c: 0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
print(max(sum(map(w, line)) for line in sys.stdin.read().split("\n")))' <<<"$OUT"
}
for width in 50 80 132; do
    on_terminal $width table table.csv --flash 4M
    [ "$(grep -c '^\[' <<<"$OUT")" -eq 1 ] && [ "$(grep '^\[' <<<"$OUT" | wc -m)" -eq $((width - 1)) ] &&
        ok "the map is as wide as a terminal of $width" || not_ok "the map is as wide as a terminal of $width" "$OUT"
done
starts() { # the column in which "data" begins in each row, as a terminal counts
    python3 -c 'import sys, unicodedata
w = lambda c: 2 if unicodedata.east_asian_width(c) in "WF" else 1
for line in sys.stdin.read().split("\n"):
    if "  data  " in line: print(sum(map(w, line[:line.index("  data  ")])))' | sort -u
}
on_terminal 80 table table.csv --flash 4M
[ "$(starts <<<"$OUT" | wc -l)" -eq 1 ] && ok "columns stand below each other" || not_ok "columns stand below each other" "$OUT"
run table table.csv --flash 4M
[ "$(starts <<<"$OUT" | wc -l)" -eq 1 ] && ok "in a pipe, too" || not_ok "in a pipe, too" "$OUT"
OUT=$(LC_ALL=C "$ESPOTA" table table.csv --flash 4M)
[ "$(starts <<<"$OUT" | wc -l)" -eq 1 ] && ok "and in any locale" || not_ok "and in any locale" "$OUT"
"$ESPOTA" plan --flash 4M --app-name abcdefghijklm --fs-name nopqrstuvwxyzab --csv >long.csv
on_terminal 48 table long.csv --flash 4M
[ "$(grep -v partitions <<<"$OUT" | { OUT=$(cat); columns; })" -le 48 ] && grep -q '\.\. ' <<<"$OUT" && ok "a narrow terminal cuts names short" ||
    not_ok "a narrow terminal cuts names short" "$OUT"
on_terminal 200 table long.csv --flash 4M
grep -q nopqrstuvwxyzab <<<"$OUT" && ! grep -q '\.\. ' <<<"$OUT" && ok "a wide one does not" || not_ok "a wide one does not" "$OUT"

"$MKIMAGE" -o app.bin --size 60K
printf '%s\n' '网格网格,app,factory,0x10000,1M,' 'plain,app,ota_0,,1M,' 'otadata,data,ota,,8K,' >apps.csv
"$ESPOTA" flash -q -p file:apps.bin --flash 4M -c esp32 --table apps.csv --slot 网格网格 --app app.bin
run status -p file:apps.bin
places=$(python3 -c 'import sys, unicodedata
w = lambda c: 2 if unicodedata.east_asian_width(c) in "WF" else 1
for line in sys.stdin.read().split("\n"):
    if " 0x" in line: print(sum(map(w, line[:line.index(" 0x")])))' <<<"$OUT" | sort -u | wc -l)
[ "$(grep -c ' 0x' <<<"$OUT")" -eq 2 ] && [ "$places" -eq 1 ] && ok "so do those of status" || not_ok "so do those of status" "$OUT" "$ERR"
