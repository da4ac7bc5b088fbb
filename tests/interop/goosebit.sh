#!/usr/bin/env bash
# gooseBit, a server of hawkBit's DDI API that nobody here wrote: devices register with it, are updated as it says, and it knows how
# that ended.
. "$(dirname "$0")/../lib.sh"
command -v jq >/dev/null || { skip "gooseBit" "jq is not installed"; exit; }
if ! venv=$("$ROOT/tests/venv.sh" goosebit 2>"$WORK/pip"); then
    skip "gooseBit" "it cannot be installed: $(tail -1 "$WORK/pip")"
    exit
fi
cd "$WORK" || exit 1
make_build --size 60K --version 1.0.0
"$MKIMAGE" -o new.bin --size 90K --version 2.0.0
"$MKIMAGE" -o other.bin --size 90K --version 3.0.0 --chip esp32c3
"$ESPOTA" flash -q -p file:kitchen.bin --flash 4M -c esp32 build
(umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >kitchen.key && echo its-token >kitchen.token && echo wrong >wrong.token)
start_sim -f kitchen.bin --listen 0 --key kitchen.key
run image --swu new.bin -o new.swu
expect "an archive is made" 0 "err:version 2.0.0"
"$ESPOTA" image -q --swu other.bin -o other.swu

mkdir server
serve() { # [PORT]
    "$venv/bin/python" "$ROOT/tests/interop/goosebit_server.py" server "$@" >server/port 2>server/log </dev/null &
    SERVER=$!
    PIDS+=($!)
    answers() { [ -s server/port ] && curl -s -o /dev/null "http://127.0.0.1:$(cat server/port)/login"; }
    wait_until 60 answers || not_ok "gooseBit starts" "$(tail -5 server/log)"
    PORT=$(cat server/port)
}
serve
TOKEN=$(curl -s -d username=lab@example.com -d password=secret "http://127.0.0.1:$PORT/setup" | jq -r .access_token)
api() { # METHOD PATH CURL-ARGS...
    local method=$1 path=$2
    shift 2
    curl -s -X "$method" -H "Authorization: Bearer $TOKEN" "$@" "http://127.0.0.1:$PORT/api/v1/$path"
}
assign() { api PUT devices -H 'Content-Type: application/json' -d "{\"devices\": [\"kitchen\"], \"software\": \"$1\"}" >/dev/null; }
check "gooseBit takes the archive" jq -e '.id == 1' <(api PUT software -F file=@new.swu)
check "and another one" jq -e '.id == 2' <(api PUT software -F file=@other.swu)
api PUT devices -H 'Content-Type: application/json' -d '{"devices": ["kitchen"], "auth_token": "its-token"}' >/dev/null
is() { api GET devices | tee known.json | jq -e ".devices[] | select(.id == \"kitchen\") | $1" >/dev/null; }
becomes() { # NAME FILTER
    if wait_until 60 is "$2"; then ok "$1"; else not_ok "$1" "$(cat known.json)" "$(tail -5 gateway.err)" "$(tail -5 server/log)"; fi
}
gateway() { # TOKEN-FILE
    printf 'name,address,key,token\nkitchen,%s,kitchen.key,%s\n' "$AGENT" "$1" >list.csv
    "$ESPOTA" gateway --server "http://127.0.0.1:$PORT" --tenant lab --devices list.csv >gateway.out 2>>gateway.err </dev/null &
    GATEWAY=$!
    PIDS+=($!)
}
stop() { kill "$@" "$GATEWAY" && { wait "$GATEWAY" 2>/dev/null || true; }; }

gateway wrong.token
told() { grep -q "HTTP status 40[13]" gateway.err; }
check "a wrong token is not let in" wait_until 20 told
stop
gateway kitchen.token
becomes "the device registers" '.sw_version == "1.0.0" and .last_state == "Registered"'
assign 1
becomes "and is updated" '.sw_version == "2.0.0" and .last_state == "Finished"'
run status --host "$AGENT" --key kitchen.key
expect "it runs what the server gave" 0 "out:demo 2.0.0 [running]"
assign 2
becomes "what is for another chip fails" '.last_state == "Error"'
stop -9
"$MKIMAGE" -o third.bin --size 200K --version 4.0.0
"$ESPOTA" image -q --swu third.bin -o third.swu
api PUT software -F file=@third.swu >/dev/null
api PUT devices -H 'Content-Type: application/json' -d '{"devices": ["kitchen"], "software": "3", "force_update": true}' >/dev/null
gateway kitchen.token
begun() { is '.last_state == "Running"'; }
check "an update begins" wait_until 60 begun
stop -9
kill "$SERVER" && wait "$SERVER" 2>/dev/null
gateway kitchen.token
sleep 1
rm server/port
serve "$PORT"
becomes "gateway and server killed and started again: it is ended" '.sw_version == "4.0.0" and .last_state == "Finished"'
stop
