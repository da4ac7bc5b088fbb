# Shared by the gateway's tests: devices, a server that answers as hawkBit does, and the gateway between them.
# shellcheck shell=bash disable=SC2034,SC2154

declare -A address device
start() { # NAME ARGS...: a device
    local name=$1
    shift
    rm -f "$name.json"
    [ -e "$name.bin" ] || cp base.bin "$name.bin"
    "$ESPOTA" sim -f "$name.bin" --no-pty --tcp 0 --json "$@" >"$name.json" 2>"$name.log" </dev/null &
    device[$name]=$!
    PIDS+=($!)
    up() { [ -s "$name.json" ]; }
    wait_until 20 up || not_ok "device $name starts"
    address[$name]=$(jq -r ".listen_url // .tcp_url" "$name.json")
}
end() { kill "${device[$1]}" 2>/dev/null && { wait "${device[$1]}" 2>/dev/null || true; }; }
serve() { # NAME [PORT]: a server; its port is in $PORT
    rm -f "$1.port"
    python3 "$ROOT/tests/cli/ddi_server.py" files ${2:+"$2"} >"$1.port" 2>"$1.err" </dev/null &
    PIDS+=($!)
    here() { [ -s "$1.port" ]; }
    wait_until 20 here "$1" || not_ok "the server starts" "$(cat "$1.err")"
    PORT=$(cat "$1.port")
}
control() { curl -s -d "$1" "http://127.0.0.1:$PORT/control"; }
known() { # FILTER: true of what the server knows
    curl -s "http://127.0.0.1:$PORT/log" >known.json && jq -e "$1" known.json >/dev/null
}
learns() { # NAME FILTER: the server comes to know it
    if wait_until 30 known "$2"; then ok "$1"; else not_ok "$1" "$(jq -c '.log[-8:], .devices' known.json)" "$(tail -5 gateway.err)"; fi
}
closed() { echo "[.log[] | select(.[0] == \"$1\" and .[1] == \"deploymentBase\" and .[2].status.execution == \"closed\")]"; }
gateway() { # ARGS...: in the background
    "$ESPOTA" gateway --server "http://127.0.0.1:$PORT" --tenant lab --devices list.csv "$@" >gateway.out 2>>gateway.err </dev/null &
    GATEWAY=$!
    PIDS+=($!)
}
stop() { kill "$GATEWAY" 2>/dev/null && { wait "$GATEWAY" 2>/dev/null || true; }; }
cut_off() { kill -9 "$GATEWAY" && { wait "$GATEWAY" 2>/dev/null || true; }; }
list() { # NAME...: of devices, and one that is not there
    echo name,address,tags
    for name in "$@"; do echo "$name,${address[$name]},lab"; done
}
