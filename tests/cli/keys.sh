#!/usr/bin/env bash
# Keys, signatures, provisioning, and agents that take nothing unsigned or old.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

make_build --size 64K --seed 1
"$MKIMAGE" -o new.bin --size 64K --seed 2 --version 2.0
"$MKIMAGE" -o later.bin --size 64K --seed 3 --version 3.0 --secure-version 2

# ---- keys
run key --new board.key
expect "make a device's key" 0 "out:device key, fingerprint"
[ "$(stat -c %a board.key)" = 600 ] && ok "only its owner can read it" || not_ok "only its owner can read it"
grep -q "$(cat board.key)" stdout stderr && not_ok "the key is not printed" || ok "the key is not printed"
run key --new board.key
expect "a key is not overwritten" 5 "err:it is there already; choose another name"
run key --signing owner.pem
expect "make a signing key" 0 "out:signing key, fingerprint"
[ "$(stat -c %a owner.pem)" = 600 ] && ok "only its owner can read that too" || not_ok "only its owner can read that too"
run key owner.pem.pub --json
expect "show its public half" 0 'out:"kind": "public"'
run key --signing owner.pem
expect "a signing key is not overwritten" 5 "err:it is there already; choose another name"
run key --new --signing x
expect "one kind at a time" 2 "err:give one"
run key nowhere
expect "no such key" 1 "err:nowhere"
run key new.bin
expect "an image is no key" 2 "err:new.bin holds no key"
printf -- '-----BEGIN NONSENSE-----\n' >bad.pem
run key bad.pem
expect "broken PEM" 2 "err:no public key"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.pem 2>/dev/null
run key p384.pem
expect "another curve" 2 "err:P-256"
chmod 644 board.key
run key board.key
expect "a key that others can read" 0 "err:chmod 600"
chmod 600 board.key

# ---- signatures
"$ESPOTA" key --signing other.pem -q >/dev/null
run sign new.bin --key owner.pem --output signed.bin --json
expect "sign" 0 'out:"size": 69632'
run image signed.bin --pubkey owner.pem.pub
expect "the signature is right" 0 "out:Length:      65536 bytes, and 4096 bytes after it"
run image signed.bin --pubkey other.pem.pub
expect "another key's" 4 "err:not with this key"
run image new.bin --pubkey owner.pem.pub
expect "none" 4 "err:is not signed"
cp signed.bin broken.bin
printf 'x' | dd of=broken.bin bs=1 seek=$((65536 + 150)) conv=notrunc 2>/dev/null
run image broken.bin --pubkey owner.pem.pub
expect "a broken signature" 4 "err:is not signed"
run sign signed.bin --key other.pem --output again.bin
expect "signing again replaces it" 0 "err:69632 bytes"
run image again.bin --pubkey other.pem
expect "by the new key's" 0
run sign new.bin --key owner.pem.pub --output x.bin
expect "a public key does not sign" 2 "err:no private key"
run sign board.key --key owner.pem --output x.bin
expect "nothing to sign" 4 "err:cannot sign board.key"
run sign new.bin --key owner.pem
expect "sign: no output" 2 "err:--output FILE"
run sign new.bin --key owner.pem --output no/where.bin
expect "sign: an output that cannot be written" 1 "err:no/where.bin"

# ---- an agent with its owner's key
"$ESPOTA" sign later.bin --key owner.pem --output later-signed.bin -q
"$ESPOTA" sign later.bin --key other.pem --output later-other.bin -q
"$ESPOTA" flash -q --port file:flash.bin --flash 4M build
start_sim --flash-file flash.bin --pubkey owner.pem.pub --min-secure-version 2
untouched() {
    cp flash.bin seen.bin # the simulator holds the other one
    "$ESPOTA" status --port file:seen.bin --json | grep -q '"boots_next": "MicroPython_1"' && ok "$1: and nothing else boots" ||
        not_ok "$1: and nothing else boots"
}
run ota --port "$TTY" --file later.bin
expect "unsigned" 4 "err:not signed with the key of the device's owner"
untouched "unsigned"
run ota --port "$TTY" --file later-other.bin
expect "signed by somebody else" 4 "err:not signed with the key of the device's owner"
untouched "signed by somebody else"
run ota --port "$TTY" --file signed.bin
expect "an old secure version" 4 "err:secure version is below"
untouched "an old secure version"
run ota --port "$TTY" --file later-signed.bin --restart
expect "signed, and new enough" 0 "err:Image written and verified, total length = 69632 bytes"
run status --port "$TTY"
expect "runs" 0 "out:Running:     MicroPython_2"
run boot MicroPython_1 --port "$TTY"
expect "and what was there before does not boot again" 4 "err:secure version is below"
run rollback --port "$TTY"
expect "not by rollback either" 4 "err:roll back"
stop_sim

# ---- provisioning
run provision new.bin --output x.bin
expect "not a recovery agent" 4 "err:no recovery agent"
run provision new.bin
expect "provision: no output" 2 "err:--output FILE"
run provision nowhere.bin --output x.bin
expect "provision: no such file" 1 "err:nowhere.bin"
