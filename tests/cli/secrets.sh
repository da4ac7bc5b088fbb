#!/usr/bin/env bash
# What holds a key is for its owner's eyes: files that espota writes, and a warning about those that it reads.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
umask 022

# mode NAME FILE MODE
mode() {
    local is
    is=$(stat -c %a "$2")
    if [ "$is" = "$3" ]; then ok "$1"; else not_ok "$1" "mode $is instead of $3"; fi
}

"$MKIMAGE" -o agent.bin --kind agent --size 64K
"$ESPOTA" key -q --new board.key >/dev/null
"$ESPOTA" key -q --signing owner.pem >/dev/null

run provision agent.bin --key board.key --output keyed.bin
expect "an agent with a key" 0 "err:a keyed agent"
mode "is its owner's alone" keyed.bin 600
touch there.bin
chmod 644 there.bin
run provision agent.bin --key board.key --output there.bin
expect "over a file that all can read" 0 "err:a keyed agent"
mode "likewise" there.bin 600
ln -s target.bin link.bin
touch target.bin
run provision agent.bin --key board.key --output link.bin
expect "over what a link names" 0 "err:a keyed agent"
mode "likewise there" target.bin 600
run provision agent.bin --output open.bin
expect "an agent without a key" 0 "err:an open agent"
mode "is no secret" open.bin 644

touch signed.bin
chmod 666 signed.bin
run sign keyed.bin --key owner.pem --output signed.bin
expect "sign an agent with a key" 0 "err:signed"
mode "the signed one is as secret" signed.bin 600
run sign open.bin --key owner.pem --output public.bin
expect "sign one without" 0 "err:signed"
mode "no secret either" public.bin 644

# keys that others can read
chmod 640 board.key
chmod 604 owner.pem
for command in "provision agent.bin --key board.key --output x.bin" "key board.key" "key owner.pem" \
    "sign open.bin --key owner.pem --output x.bin" "status --host 127.0.0.1:1 --key board.key"; do
    # shellcheck disable=SC2086
    run $command
    if [[ $ERR == *"warning: others can read "* ]]; then ok "a warning: $command"; else not_ok "a warning: $command" "$ERR"; fi
done
chmod 600 board.key owner.pem
run provision agent.bin --key board.key --output x.bin
[[ $ERR == *warning* ]] && not_ok "no warning about a key that is its owner's" "$ERR" || ok "no warning about a key that is its owner's"
