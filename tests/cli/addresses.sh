#!/usr/bin/env bash
# Addresses as people write them: schemes in capitals, none where it matters, passwords that have no place there.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
"$MKIMAGE" -o app.bin --size 40K
printf '%s\n' swordfish >agent.key
printf 'aaaa\n' >own.token
chmod 600 agent.key own.token

# ---- capitals
start_sim --flash-file flash.bin --flash 4M --download
for scheme in TCP Socket SOCKET; do
    run info --port "$scheme://${UART#tcp://}"
    expect "$scheme:// is a port" 0 "out:ESP32"
done
printf 'name,address\nboard,Tcp://%s\n' "${UART#tcp://}" >list.csv
run status --devices list.csv --via rom
expect "Tcp:// in a list" 4 "out:board: Tcp://127.0.0.1" "out:has no partition table"
run info --port "RFC2217://${REMOTE#rfc2217://}"
expect "RFC2217:// is one" 0 "out:ESP32"
run status --port "$UART" --port "TCP://${UART#tcp://}"
expect "both are one device" 2 "err:are one device: name it once"
stop_sim
truncate -s 4M blank.bin
run info --port FILE:blank.bin
expect "FILE: is a flash file" 0 "out:4M"
run info --port "WSS://127.0.0.1:1"
expect "WSS:// is known" 1 "err:a WebREPL has no TLS"
run info --via rom --port WS://127.0.0.1:1
expect "WS:// leads to a WebREPL" 2 "err:leads to a WebREPL"
run status --port WS://127.0.0.1:1
expect "which is called" 3 "err:ws://127.0.0.1:1"
run status --host WS://127.0.0.1:1 --key agent.key
expect "and is no host" 2 "err:goes to --port"
for address in ARDUINO://127.0.0.1 EspHome://127.0.0.1 HTTP://127.0.0.1/update HTTPS://127.0.0.1 WS://127.0.0.1:8266; do
    printf 'name,address\nporch,%s\n' "$address" >odd.csv
    run gateway --server HTTP://127.0.0.1 --devices odd.csv
    expect "a gateway knows $address" 2 "err:porch, $address, speaks" "err:a gateway needs an agent"
done
run ota --url FTP://127.0.0.1/app.bin --host 127.0.0.1 --key agent.key
expect "FTP:// is none for images" 2 "err:no http:// or https:// address"
run ota --host ESPHOME://127.0.0.1:1 --file app.bin
expect "ESPHOME:// is a host" 3 "err:127.0.0.1:1"

# ---- a scheme that is not guessed
printf 'name,address,token\nporch,127.0.0.1,own.token\n' >list.csv
for server in 127.0.0.1 "127.0.0.1/?https://x" localhost:8080; do
    run gateway --server "$server" --devices list.csv --key agent.key
    expect "no scheme: $server" 2 "err:does not say how tokens and images travel: begin it with https://"
done
run ota --url user:SECRET@127.0.0.1:1/app.bin --host 127.0.0.1 --key agent.key
expect "nor for a password" 2 "err:begin it with https://"
[[ $ERR != *SECRET* ]] && ok "which is not shown" || not_ok "which is not shown" "$ERR"

# ---- passwords
# keeps NAME ARGS...: a command that fails shows nobody the password among its arguments.
keeps() {
    local name=$1
    shift
    run "$@" -vv
    if [ "$STATUS" -eq 0 ]; then not_ok "$name fails" "$OUT"; fi
    if [[ $OUT$ERR != *SECRET* ]]; then ok "$name"; else not_ok "$name" "$OUT" "$ERR"; fi
}
for address in user:SECRET@127.0.0.1:1 http://user:SECRET@127.0.0.1:1/update esphome://user:SECRET@127.0.0.1:1 \
    arduino://user:SECRET@127.0.0.1:1 http://user:SECRET/SECRET@127.0.0.1:1/ http://127.0.0.1:1/update?token=SECRET \
    tcp://user:SECRET@127.0.0.1:1 ws://user:SECRET@127.0.0.1:1 other://user:SECRET@127.0.0.1; do
    for json in "" --json; do
        keeps "$address, updated${json:+, as JSON}" ota --host "$address" --file app.bin $json
        keeps "$address, one of two${json:+, as JSON}" ota --host "$address" --host 127.0.0.1:1 --key agent.key --file app.bin $json
        keeps "$address, given twice${json:+, as JSON}" ota --host "$address" --host "$address" --key agent.key --file app.bin $json
        keeps "$address, asked${json:+, as JSON}" status --host "$address" --key agent.key $json
        keeps "$address, two asked${json:+, as JSON}" status --host "$address" --host 127.0.0.1:1 --key agent.key $json
    done
    printf 'name,address\nporch,%s\n' "$address" >odd.csv
    keeps "$address, listed" ota --devices odd.csv --file app.bin --key agent.key
done
for port in tcp ws wss rfc2217 socket http other; do
    keeps "$port:// as a port" info --port "$port://user:SECRET@127.0.0.1:1"
    keeps "$port:// to listen to" monitor --port "$port://user:SECRET@127.0.0.1:1"
    keeps "$port:// as one of two" status --port "$port://user:SECRET@127.0.0.1:1" --port /dev/null
    ESPOTA_PORT=$port://user:SECRET@127.0.0.1:1 keeps "$port:// from the environment" info
done
ESPOTA_HOST=http://user:SECRET@127.0.0.1:1 run config
expect "a setting with a password is shown" 0 "out:http://127.0.0.1:1"
if [[ $OUT != *SECRET* ]]; then ok "without it"; else not_ok "without it" "$OUT"; fi
keeps "one argument too many" ota http://user:SECRET@127.0.0.1:1/app.bin
keeps "a file that is a URL" image http://user:SECRET@127.0.0.1:1/app.bin
run reset nobody
expect "one too many, of a command that takes none" 2 "err:'nobody': espota reset"
if [[ $ERR != *" " ]]; then ok "with nothing behind it"; else not_ok "with nothing behind it" "[$ERR]"; fi
keeps "a page for updates" ota --http-upload http://user:SECRET@127.0.0.1:1/update --file app.bin
keeps "an image's URL" ota --url http://user:SECRET@127.0.0.1:1/app.bin?SECRET --port file:blank.bin
keeps "a server" gateway --server other://user:SECRET@127.0.0.1:1 --devices list.csv --key agent.key
keeps "a server without scheme" gateway --server user:SECRET@127.0.0.1:1 --devices list.csv --key agent.key
run ota --host http://127.0.0.1:1/update?token=SECRET --host esphome://127.0.0.1:1 --file app.bin
expect "the name says which one it is" 3 "out:http://127.0.0.1:1/update?...: "
