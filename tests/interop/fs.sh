#!/usr/bin/env bash
# Who did not write a line here judges file systems: littlefs itself (PyPI: littlefs-python), dosfstools and mtools, both ways.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
export MTOOLS_SKIP_CHECK=1 PATH=$PATH:/usr/sbin:/sbin

if venv=$("$ROOT/tests/venv.sh" 2>venv.log); then
    if images=$("$venv/bin/python" "$ROOT/tests/interop/fs_judge.py" "$ESPOTA" "$WORK" "${FS_IMAGES:-8}" 2>&1); then ok "littlefs: $images"; else not_ok "littlefs" "$images"; fi
else
    skip "littlefs" "it cannot be installed: $(tail -1 venv.log)"
fi

if ! command -v mkfs.fat >/dev/null || ! command -v mcopy >/dev/null; then
    skip "FAT" "no dosfstools, or no mtools"
    exit 0
fi
mkdir -p site/lib/deep
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do head -c $((i * 777)) /dev/urandom >"site/A file with a long name $i.text"; done
echo short >site/SHORT.TXT
: >site/lib/none.txt
head -c 100000 /dev/urandom >site/lib/deep/big.bin
echo x >"site/lib/$(printf 'x%.0s' $(seq 200))"
echo x >'site/lib/über €.txt'
while read -r size sector; do
    run fs make site -o made.bin --type fat-plain --size "$size" --sector "$sector" -q
    check "FAT of $size, sectors of $sector: fsck.fat" fsck.fat -n made.bin
    rm -rf back
    mkdir back
    LC_ALL=C.UTF-8 mcopy -s -n -i made.bin '::*' back
    check "mtools reads it" diff -r site back
done <<'LIST'
1M 4096
1M 512
16M 4096
64M 512
LIST
while read -r size arguments; do
    rm -f theirs.bin
    # shellcheck disable=SC2086
    mkfs.fat $arguments -C theirs.bin "$size" >mkfs.log 2>&1 || { not_ok "mkfs.fat $arguments" "$(cat mkfs.log)"; continue; }
    LC_ALL=C.UTF-8 mcopy -s -i theirs.bin site/* ::
    mdel -i theirs.bin '::/A file with a long name 3.text'
    rm -rf back
    run fs get -q --image theirs.bin / back
    cp 'site/A file with a long name 3.text' back/
    check "theirs: $size $arguments" diff -r site back
done <<'LIST'
2048 -F 12
2048 -F 12 -S 4096
16384 -F 16
40960 -F 32 -s 1
LIST
