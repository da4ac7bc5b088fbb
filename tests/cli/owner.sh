#!/usr/bin/env bash
# A device with an owner, through the commands alone: what it starts next is his, or what ran; and what is said is true.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

make_build --size 64K --seed 1
"$ESPOTA" key --signing owner.pem -q >/dev/null
image() { # NAME ARGS...: NAME.bin and NAME.signed.bin
    local name=$1
    shift
    "$MKIMAGE" -o "$name.bin" --size 64K "$@"
    "$ESPOTA" sign "$name.bin" --key owner.pem --output "$name.signed.bin" -q
}
image good --seed 2 --version 2.0 --secure-version 2
image better --seed 3 --version 3.0 --secure-version 2
image evil --seed 4 --version 6.6.6 --secure-version 9
image foreign --seed 5 --version 5.0 --secure-version 2 --project another
"$MKIMAGE" -o recovery.bin --size 32K --kind agent --secure-version 2
"$ESPOTA" flash -q --port file:flash.bin --flash 4M build >/dev/null

boots() { # NAME PARTITION: what a reset starts
    : >"$SIM_LOG"
    kill -USR1 "$SIM_PID"
    wait_for "$SIM_LOG" "agent: .* runs from" || true
    if grep -q "runs from '$2'" "$SIM_LOG"; then ok "$1"; else not_ok "$1" "$(cat "$SIM_LOG")"; fi
}

start_sim --flash-file flash.bin --pubkey owner.pem.pub --min-secure-version 2 --project demo

# ---- a good image is chosen, but not started; then a bad one comes
run ota --port "$TTY" --file good.signed.bin
expect "good, without a restart" 0 "err:will be started from 'MicroPython_2'"
run status --port "$TTY"
expect "status: it boots next" 0 "out:Running:     MicroPython_1" "out:Boots next:  MicroPython_2"
run ota --port "$TTY" --file evil.bin
expect "then an unsigned one" 4 "err:not signed with the key of the device's owner" "err:'MicroPython_1' boots now"
run status --port "$TTY"
expect "status: the app that runs boots next" 0 "out:Boots next:  MicroPython_1" "out:MicroPython_2    ota_1    0x110000     1M  empty"
boots "a reset starts the app that ran" MicroPython_1

# ---- the same with another project's, and with one that is refused before anything is written
run ota --port "$TTY" --file good.signed.bin
expect "good again" 0 "err:will be started from 'MicroPython_2'"
run ota --port "$TTY" --file foreign.signed.bin
expect "another project's, signed with the same key" 4 "err:of another project than the device takes" "err:'MicroPython_1' boots now"
boots "a reset starts the app that ran" MicroPython_1

# ---- a recovery agent would take anything
run sign recovery.bin --key owner.pem --output recovery.signed.bin
expect "sign says so" 0 "err:warning: recovery.bin is a recovery agent, which checks no signatures"
run provision recovery.bin --output provisioned.bin --project demo
expect "provision says so" 0 "err:It checks no signatures"
check "the project is in it" grep -q "demo" provisioned.bin
run provision recovery.bin --output x.bin --project "a name that is longer than thirty-one"
expect "a name that is too long" 2 "err:at most 31 characters"
run ota --port "$TTY" --file recovery.signed.bin
expect "an agent with an owner takes none" 4 "err:recovery agent, which checks no signatures" "err:'MicroPython_1' still boots"
boots "a reset starts the app that ran" MicroPython_1

# ---- resumed, and there already
run ota --port "$TTY" --file good.signed.bin --json
expect "once more" 0 'out:"kept": 0'
run ota --port "$TTY" --file good.signed.bin --json
expect "it is there already" 0 'out:"written": 0'
boots "and boots" MicroPython_2

# ---- back to an app that nobody signed
run boot MicroPython_1 --port "$TTY"
expect "what was there before does not boot again" 4 "err:secure version is below"
run rollback --port "$TTY"
expect "nor by rollback" 4 "err:cannot roll back" "err:secure version is below"
boots "a reset starts the signed app" MicroPython_2
run ota --port "$TTY" --file better.signed.bin
expect "a later one" 0 "err:will be started from 'MicroPython_1'"
boots "boots" MicroPython_1
stop_sim

# ---- a trial
start_sim --flash-file flash.bin --pubkey owner.pem.pub --min-secure-version 2 --rollback
run ota --port "$TTY" --file good.signed.bin --trial --restart
expect "a trial" 0 "err:on trial"
run ota --port "$TTY" --file evil.bin
expect "while it goes on, nothing is written" 5 "err:on trial" "err:espota confirm"
run status --port "$TTY"
expect "status: without confirmation the app before boots" 0 "out:Running:     MicroPython_2" "out:Boots next:  MicroPython_1"
boots "which a reset does" MicroPython_1
stop_sim

# ---- through the ROM: another app has to boot, or rollback is none
"$ESPOTA" flash -q --port file:one.bin --flash 4M build >/dev/null
run rollback --port file:one.bin
expect "rollback of the only app" 4 "err:cannot roll back"
