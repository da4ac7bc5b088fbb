#!/usr/bin/env bash
# Run the tests: unit (cmocka), cli (whole commands), interop (tools nobody here wrote). Each prints TAP; the last line
# counts. Usage: run.sh [unit|cli|interop ...]. JOBS tests run at a time (three for each processor).
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=$(cd "${BUILD:-build}" && pwd)
export BUILD
[ $# -gt 0 ] || set -- unit cli interop
JOBS=${JOBS:-$(($(nproc) * 3))}
passed=0 failed=0 skipped=0
failures=() skips=()

take() { # NAME FILE STATUS: count the TAP lines of a test
    local line
    while IFS= read -r line; do
        case $line in
        "ok "*"# SKIP"*)
            skipped=$((skipped + 1))
            skips+=("$1: ${line#ok }")
            ;;
        "ok "*) passed=$((passed + 1)) ;;
        "not ok "*)
            failed=$((failed + 1))
            failures+=("$1: ${line#not ok }")
            ;;
        esac
    done <"$2"
    if [ "$3" -ne 0 ] && ! grep -q '^not ok' "$2"; then
        failed=$((failed + 1))
        failures+=("$1: ended with status $3")
    fi
    if ! grep -qE '^(not )?ok' "$2"; then
        failed=$((failed + 1))
        failures+=("$1: ran no test")
    fi
}

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
names=() pids=()

start() { # NAME COMMAND...: in the background, since tests wait more than they work
    local name=$1
    shift
    while [ "$(jobs -pr | wc -l)" -ge "$JOBS" ]; do wait -n; done
    {
        timeout 900 "$@"
        echo $? >"$logs/${#names[@]}.status" # the shell forgets that of a process whose number is used again
    } >"$logs/${#names[@]}" 2>&1 </dev/null &
    names+=("$name")
    pids+=($!)
}

finish() { # INDEX: wait for a test, show and count what it said
    local status
    wait "${pids[$1]}"
    status=$(cat "$logs/$1.status" 2>/dev/null || echo 127)
    take "${names[$1]}" "$logs/$1" "$status"
    if [ "$status" -ne 0 ] || grep -q '^not ok' "$logs/$1"; then
        echo "---- ${names[$1]}"
        cat "$logs/$1"
    else
        echo "     ${names[$1]}"
    fi
}

for kind in "$@"; do
    case $kind in
    unit) for test in "$BUILD"/unit/test_*; do
        [ -x "$test" ] && [ "${test%.d}" = "$test" ] && CMOCKA_MESSAGE_OUTPUT=TAP start "unit/$(basename "$test")" "$test"
    done ;;
    cli | interop) for test in tests/"$kind"/*.sh; do
        start "$kind/$(basename "$test" .sh)" bash "$test"
    done ;;
    esac
done
for index in "${!names[@]}"; do finish "$index"; done

[ ${#skips[@]} -eq 0 ] || printf 'skipped: %s\n' "${skips[@]}"
[ ${#failures[@]} -eq 0 ] || printf 'FAILED: %s\n' "${failures[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
