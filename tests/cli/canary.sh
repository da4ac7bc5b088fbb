#!/usr/bin/env bash
# Canaries on trial: the others follow when one came back and was confirmed, and not when it went back.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
DEVICES=4
make_build --size 60K
"$MKIMAGE" -o new.bin --size 70K --version 2.0
"$MKIMAGE" -o newer.bin --size 72K --version 3.0
"$ESPOTA" flash -q -p file:base.bin --flash 4M -c esp32 build
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >key
chmod 600 key
boards=() host=()
echo name,address,key >list.csv
for i in $(seq $DEVICES); do # several may talk to an agent on a network at once
    cp base.bin "d$i.bin"
    "$ESPOTA" sim -f "d$i.bin" --no-pty --rollback --key key --listen 0 --json >"s$i.json" 2>>"d$i.log" </dev/null &
    boards[i]=$!
    PIDS+=($!)
    up() { grep -q '"listen_port": [0-9]' "s$i.json"; }
    wait_until 20 up || not_ok "board $i starts" "$(cat "d$i.log" "s$i.json")"
    host[i]=127.0.0.1:$(sed -n 's/.*"listen_port": \([0-9]*\),*/\1/p' "s$i.json")
    echo "d$i,${host[i]},key" >>list.csv
done

run ota --devices list.csv --file new.bin --canary 1
expect "a canary that is not restarted proves nothing" 2 "err:--canary needs --restart"

# who asked its agent would take the session from the update
on_trial() { grep -q 'App version: *2.0' d1.log; }
# begin IMAGE: an update with one canary in the background; wait until that runs on trial
begin() {
    : >d1.log
    "$ESPOTA" ota --devices list.csv --file "$1" --trial --restart --canary 1 >out 2>err </dev/null &
    update=$!
    PIDS+=("$update")
    wait_until 30 on_trial || not_ok "the canary is on trial" "$(cat out err d1.log)"
}
finish() {
    wait $update
    # shellcheck disable=SC2034
    STATUS=$?
    # shellcheck disable=SC2034
    OUT=$(cat out) ERR=$(cat err)
}

begin new.bin
kill -USR1 "${boards[1]}" # its RESET button, before anybody has confirmed it
finish
expect "one that goes back to its old app stops the others" 4 "out:d1: it came back with its old app" \
    "err:0 done, 1 failed, 3 not begun" "err:were left as they are"
run status --devices list.csv
expect "all are as they were" 0 "out:d1: runs 'MicroPython_1'" "out:d2: runs 'MicroPython_1'"

begin new.bin
[ -s out ] && not_ok "nobody follows before the canary is confirmed" "$(cat out)" || ok "nobody follows before the canary is confirmed"
confirmed() { "$ESPOTA" confirm --host "${host[1]}" -k key >/dev/null 2>&1 </dev/null; }
wait_until 10 confirmed || not_ok "the canary is confirmed"
finish
expect "one that is confirmed lets the others follow" 0 "out:d1: written" "out:d$DEVICES: written" "err:$DEVICES done, 0 failed"

# what is left: those that were confirmed are done
run confirm --devices list.csv
for i in 1 2; do run ota --host "${host[i]}" -k key --file newer.bin --restart; done
run ota --devices list.csv --file newer.bin --restart --canary 2
expect "canaries that run it already cost nothing" 0 "out:d1: runs it already" "out:d2: runs it already" "out:d3: written"

kill "${boards[1]}"
wait "${boards[1]}" 2>/dev/null
run ota --devices list.csv --file new.bin --restart --canary 1
expect "one that is away stops the others" 3 "out:d1: cannot connect" "err:0 done, 1 failed, 3 not begun"
