#!/usr/bin/env bash
# The examples for scripts and CI, run as they stand: a shell script, and the steps of a workflow one by one, as a runner
# does (bash -e, variables from one step to the next in a file).
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
command -v jq >/dev/null || { skip "examples for CI" "jq is not installed"; exit; }
mkdir bin
ln -s "$ESPOTA" bin/espota
PATH=$WORK/bin:$PATH

mkdir release build
"$MKIMAGE" -o release/bootloader.bin --kind bootloader --size 20K
"$MKIMAGE" -o release/firmware.bin --size 100K --version 1.0
cp release/bootloader.bin build
"$MKIMAGE" -o build/firmware.bin --size 120K --version 2.0

"$ESPOTA" flash -q -p file:script.bin --flash 4M -c esp32 release
start_sim -f script.bin
update() { OUT=$("$ROOT/examples/update.sh" "$@" 2>&1) && STATUS=0 || STATUS=$?; }
said() { if [ "$STATUS" -eq "$2" ] && [[ $OUT == *"$3"* ]]; then ok "$1"; else not_ok "$1" "status $STATUS" "$OUT"; fi; }
update build/firmware.bin "$UART"
said "the script updates a device" 0 "$UART runs 2.0"
update build/firmware.bin "$UART"
said "once" 0 "$UART runs 2.0 already"
head -c 50000 build/firmware.bin >damaged.bin
update damaged.bin "$UART"
said "a damaged image is refused" 4 ""
"$MKIMAGE" -o other.bin --size 90K --version 3.0 --chip esp32c3
update other.bin "$UART"
said "so is another chip's" 4 "damaged, or is not for this chip"
stop_sim
update build/firmware.bin "$UART"
said "nobody there is told apart" 3 ""

# steps WORKFLOW: each run: of it into a file of its own, in order
steps() {
    awk -v to="$WORK/step" '
        /^      - / { ++step; file = sprintf("%s%02d", to, step); inside = 0 }
        /^        run: \|$/ { inside = 1; printf "" > file; next }
        /^        run: / { sub(/^        run: /, ""); print > file; next }
        inside && /^          / { print substr($0, 11) > file }' "$1"
}
steps "$ROOT/examples/ci/firmware.yml"
export GITHUB_ENV=$WORK/environment
: >"$GITHUB_ENV"
ran=0
for step in "$WORK"/step*; do
    grep -q apt-get "$step" && continue # the packages are here
    ran=$((ran + 1))
    (
        set -a
        # shellcheck disable=SC1090
        . "$GITHUB_ENV"
        set +a
        bash -e "$step"
    ) >step.log 2>&1 && ok "workflow: $(head -1 "$step")" || not_ok "workflow: $(head -1 "$step")" "$(cat step.log)"
done
# shellcheck disable=SC1090
. "$GITHUB_ENV"
[ "$ran" -eq 5 ] && ok "all steps of the workflow ran" || not_ok "all steps of the workflow ran" "$ran"
grep -q "version: *2.0\|App version.*2.0" console.log && ok "the console shows both" || not_ok "the console shows both" "$(cat console.log)"
gone() { ! kill -0 "$SIM" 2>/dev/null; }
check "its simulator ended" wait_until 10 gone

# for CI: a simulator that is ready when the app runs, is found by its JSON, and ends with who started it
"$ESPOTA" sim -f blank.bin --flash 4M --no-pty --tcp 0 --wait-boot >out 2>err </dev/null && STATUS=0 || STATUS=$?
[ "$STATUS" -eq 1 ] && grep -q "espota: nothing boots from blank.bin" err && ok "wait-boot fails where nothing boots" ||
    not_ok "wait-boot fails where nothing boots" "$STATUS" "$(cat err)"
[ ! -s out ] && ok "and names no place to reach it" || not_ok "and names no place to reach it" "$OUT"
run sim -f blank.bin --no-pty --tcp 0 --wait-boot --download
expect "nor waits in download mode" 2 "err:contradict"
# (a file of its own: the workflow's would say at once that the simulator is up, and the parent could end before it has begun)
bash -c '"$1" sim -f script.bin --no-pty --tcp 0 --json --exit-with-parent >parent.json 2>/dev/null & echo $! >pid
    for _ in $(seq 200); do [ -s parent.json ] && exit; sleep 0.1; done' _ "$ESPOTA"
pid=$(cat pid)
PIDS+=("$pid")
ended() { ! kill -0 "$pid" 2>/dev/null; }
check "the simulator ends with its parent" wait_until 10 ended
check "after it has said where it is" jq -e '.tcp_url | startswith("tcp://127.0.0.1:")' parent.json
start_sim -f script.bin
run sim -f script.bin --no-pty --tcp 0
expect "two on one flash file are refused" 1 "err:another program uses it"
