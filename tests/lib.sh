# Shared by the shell tests: results as TAP lines, a scratch folder, simulators that end with the test.
# shellcheck shell=bash disable=SC2034
set -u

BUILD=$(cd "${BUILD:-build}" && pwd)
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ESPOTA=$BUILD/espota
MKIMAGE=$BUILD/tools/mkimage
if [ ! -x "$ESPOTA" ] || [ ! -x "$MKIMAGE" ]; then
    echo "not ok - $BUILD/espota and $BUILD/tools/mkimage are there # run 'make all tools' first"
    exit 1
fi
WORK=$(mktemp -d)
PIDS=()
export NO_COLOR=1
# nothing that somebody has set for a board of theirs
for variable in "${!ESPOTA_@}" "${!ESPTOOL_@}"; do [ "$variable" = ESPOTA_SANITIZED ] || unset "$variable"; done
export ESPOTA_CONFIG='' ESPOTA_CACHE=''
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY

# Does the process run that this shell started with that id? If it has ended and was waited for, the id may be somebody else's by now.
is_ours() { # PID
    grep -qs "^PPid:[[:space:]]*$$\$" "/proc/$1/status"
}

# End processes by the id that they were started with. Not in a child that is ended before it is another program.
cleanup() {
    local pid
    [ "$BASHPID" = "$$" ] || return 0
    for pid in "${PIDS[@]}"; do
        if is_ours "$pid"; then kill "$pid" 2>/dev/null; fi
        wait "$pid" 2>/dev/null
    done
    rm -rf "$WORK"
}
trap cleanup EXIT

ok() { echo "ok - $1"; }
not_ok() {
    echo "not ok - $1"
    shift
    printf '%s\n' "$@" | sed 's/^/# /'
}
skip() { echo "ok - $1 # SKIP $2"; }

# run ARGS...: espota with its output in $OUT and $ERR, its status in $STATUS.
run() {
    "$ESPOTA" "$@" >"$WORK/stdout" 2>"$WORK/stderr" </dev/null
    STATUS=$?
    OUT=$(tr -d '\0' <"$WORK/stdout")
    ERR=$(tr -d '\0' <"$WORK/stderr")
}

# expect NAME STATUS [out:TEXT|err:TEXT...]: the last run ended so, with each text on standard output or standard error.
expect() {
    local name=$1 status=$2 text stream
    shift 2
    if [ "$STATUS" -ne "$status" ]; then
        not_ok "$name" "exit status $STATUS instead of $status" "$OUT" "$ERR"
        return 1
    fi
    for text in "$@"; do
        case $text in
        out:*) stream=$OUT ;;
        err:*) stream=$ERR ;;
        *)
            not_ok "$name" "on which stream? out:$text or err:$text"
            return 1
            ;;
        esac
        if [[ "$stream" != *"${text#???:}"* ]]; then
            not_ok "$name" "missing: $text" "$OUT" "$ERR"
            return 1
        fi
    done
    # an error is one line
    if [ "$status" -ne 0 ] && [ "$(grep '^espota: ' <<<"$ERR" | grep -cv '^espota: warning: ')" -ne 1 ]; then
        not_ok "$name" "not one error line" "$ERR"
        return 1
    fi
    ok "$name"
}

# same NAME FILE FILE
same() {
    if cmp "$2" "$3" >"$WORK/cmp" 2>&1; then ok "$1"; else not_ok "$1" "$(cat "$WORK/cmp")"; fi
}

# check NAME COMMAND...: the command succeeds.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$* failed" "$output"; fi
}

# make_build ARGS...: a build folder, its app by mkimage with ARGS.
make_build() {
    mkdir build
    "$MKIMAGE" -o build/bootloader.bin --kind bootloader --size 20K
    "$MKIMAGE" -o build/firmware.bin "$@"
}

sim_is_up() { [ -L "$TTY" ] && grep -q "^rfc2217" "$WORK/sim$SIM_COUNT.out"; }

# start_sim ARGS...: a simulator in the background; SIM_PID, TTY, UART (tcp address), REMOTE (rfc2217 address), AGENT
# (host:port).
start_sim() {
    SIM_COUNT=$((${SIM_COUNT:-0} + 1))
    TTY=$WORK/tty$SIM_COUNT
    SIM_LOG=$WORK/sim$SIM_COUNT.log
    "$ESPOTA" sim --link "$TTY" --tcp 0 --rfc2217 0 "$@" >"$WORK/sim$SIM_COUNT.out" 2>"$SIM_LOG" </dev/null &
    SIM_PID=$!
    PIDS+=("$SIM_PID")
    wait_until 20 sim_is_up || not_ok "a simulator starts" "$(cat "$SIM_LOG")"
    UART=$(sed -n 's/^uart: //p' "$WORK/sim$SIM_COUNT.out")
    REMOTE=$(sed -n "s/^rfc2217: //p" "$WORK/sim$SIM_COUNT.out")
    AGENT=$(sed -n 's/^agent: //p' "$WORK/sim$SIM_COUNT.out")
}

# start_ota_sim PROTOCOL ARGS...: flash.bin's app with ArduinoOTA or ESPHome's OTA (arduino, esphome), in the background; SIM_PID,
# and its address in OTA_ADDRESS. What it says is in sim.log.
start_ota_sim() {
    local protocol=$1
    shift
    : >sim.out
    "$ESPOTA" sim --flash-file flash.bin --no-pty "--$protocol-ota" 0 "$@" >sim.out 2>sim.log </dev/null &
    SIM_PID=$!
    PIDS+=("$SIM_PID")
    wait_for sim.out "^$protocol: " || not_ok "a simulator starts" "$(cat sim.log)"
    OTA_ADDRESS=$(sed -n "s/^$protocol: //p" sim.out)
}

stop_sim() {
    if is_ours "$SIM_PID"; then kill "$SIM_PID" 2>/dev/null; fi
    wait "$SIM_PID" 2>/dev/null
}

# wait_until SECONDS COMMAND...: until the command succeeds; false when it does not in time.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -le "$deadline" ] || return 1
        sleep 0.02
    done
}

# wait_for FILE TEXT: until the file has the text.
wait_for() { wait_until 20 grep -q -s -- "$2" "$1"; }

# sector_in FLASH OFFSET FILE N: the N-th sector of FILE, from 0, is in the flash file, as far behind OFFSET.
sector_in() { cmp -s -i $(($2 + $4 * 4096)):$(($4 * 4096)) -n 4096 "$1" "$3"; }

# waits PID: the process catches Ctrl-C, has a device or a connection open, and sleeps.
waits() {
    local caught
    caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null)
    [ $((16#${caught:-0} & 2)) -ne 0 ] && grep -q '^State:[[:space:]]*S' "/proc/$1/status" &&
        find "/proc/$1/fd" -mindepth 1 -printf '%l\n' 2>/dev/null | grep -q '^socket:\|^/dev/pts/'
}
