#!/usr/bin/env bash
# Many devices, and patches that lie beside the image: one that comes slowly holds up nobody but who needs it.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
SIZE=206032
make_build --version 1.0 --project lamp --seed 1 --size $SIZE --content xtensa
cp build/firmware.bin 1.0.bin
for version in 1.1 2.0; do "$MKIMAGE" -o $version.bin --version $version --project lamp --seed 1 --size $SIZE --content xtensa; done
digest() { sha256sum "$1" | cut -d ' ' -f 1; }
mkdir server
cp 2.0.bin server
"$ESPOTA" delta -q 1.0.bin 2.0.bin -o "server/2.0.bin.$(digest 1.0.bin).patch"

# The patch against 1.1 comes a byte at a time until the file 'enough' is there; the other one when that was asked for.
cat >server.py <<'PY'
import http.server, os, sys, threading, time
slow, asked = sys.argv[1], threading.Event()
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if slow in self.path:
            self.send_response(200)
            self.send_header("Content-Length", "5000")
            self.end_headers()
            asked.set()
            for _ in range(200):
                self.wfile.write(b"x")
                if os.path.exists("../enough"):
                    break
                time.sleep(0.1)
            self.close_connection = True
        else:
            if "patch" in self.path:
                asked.wait(20)
            super().do_GET()
os.chdir("server")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
python3 server.py "$(digest 1.1.bin)" >server.port 2>server.log &
PIDS+=($!)
served() { [ -s server.port ]; }
wait_until 20 served || not_ok "the server starts" "$(cat server.log)"

# board NAME APP
board() {
    cp "$2" build/firmware.bin
    "$ESPOTA" flash -q -p "file:$1.bin" --flash 4M -c esp32 build
    start_sim --flash-file "$1.bin"
    echo "$1,$UART" >>list.csv
}
echo name,address >list.csv
board slow 1.1.bin
for name in one two; do board $name 1.0.bin; done

: >lines
"$ESPOTA" ota --devices list.csv --no-cache --url "http://127.0.0.1:$(cat server.port)/2.0.bin" --json >lines 2>ota.log </dev/null &
OTA=$!
PIDS+=("$OTA")
others_are_done() { [ "$(grep -cE '"name": ?"(one|two)"' lines)" -eq 2 ]; }
wait_until 15 others_are_done && ok "who needs another patch is done meanwhile" || not_ok "who needs another patch is done meanwhile" "$(cat lines ota.log server.log)"
grep -qE '"name": ?"slow"' lines && not_ok "before who waits for the slow one" "$(cat lines)" || ok "before who waits for the slow one"
touch enough
wait "$OTA" && ok "that one is done too" || not_ok "that one is done too" "$(cat lines ota.log)"
[ "$(jq 'select(.name == "slow") | .error == null and (.result.base == null or .result.read_back > 0)' lines)" = true ] &&
    ok "without that patch" || not_ok "without that patch" "$(cat lines)"
[ "$(jq -c 'select(.name == "one" or .name == "two") | .result.base.sha256' lines | sort -u)" = "\"$(digest 1.0.bin)\"" ] &&
    ok "the others with what changed" || not_ok "the others with what changed" "$(cat lines)"
[ "$(grep -c "GET .*$(digest 1.0.bin).patch" server.log)" -eq 1 ] && ok "which was got once" || not_ok "which was got once" "$(cat server.log)"
