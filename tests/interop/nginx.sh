#!/usr/bin/env bash
# espota ota from a real nginx: good servers, bad servers, lying servers. In every failing case flash stays as it was.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
nginx=$(command -v nginx || command -v /usr/sbin/nginx) || { skip "nginx" "it is not installed"; exit 0; }

mkdir www logs
"$MKIMAGE" -o bootloader.bin --kind bootloader --size 20K
"$MKIMAGE" -o old.bin --version 1.0 --seed 1 --size 100K
"$MKIMAGE" -o www/MicroPython.bin --version 2.0 --seed 2 --size 300K
"$MKIMAGE" -o www/c3.bin --chip esp32c3 --size 64K
"$MKIMAGE" -o www/big.bin --size 1500K
echo '<html>It works!</html>' >www/page.bin
for f in nomd5 badmd5 notmd5; do cp www/MicroPython.bin www/$f.bin; done
(cd www && md5sum MicroPython.bin >MicroPython.bin.md5 && echo d41d8cd98f00b204e9800998ecf8427e >badmd5.bin.md5 && echo hello >notmd5.bin.md5)

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca >openssl.log 2>&1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.pem -days 2 -subj /CN=other >>openssl.log 2>&1
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout srv.key -out srv.csr -subj /CN=localhost >>openssl.log 2>&1
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >ext
openssl x509 -req -in srv.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out srv.pem >>openssl.log 2>&1

read -r http https trick < <(python3 - <<'PY'
import random, socket
# free ones below those that the system gives to whoever asks for any
free = []
while len(free) < 3:
    s = socket.socket()
    try: s.bind(("127.0.0.1", random.randrange(20000, 32000)))
    except OSError: continue
    free.append(s)
print(*[s.getsockname()[1] for s in free])
PY
)
cat >nginx.conf <<CONF
daemon off;
pid $WORK/nginx.pid;
error_log $WORK/logs/error.log;
$([ "$(id -u)" -eq 0 ] && echo "user root;")
events { worker_connections 64; }
http {
    access_log $WORK/logs/access.log;
    client_body_temp_path $WORK/logs; proxy_temp_path $WORK/logs; fastcgi_temp_path $WORK/logs;
    uwsgi_temp_path $WORK/logs; scgi_temp_path $WORK/logs;
    root $WORK/www;
    server {
        listen 127.0.0.1:$http;
        location /moved.bin { return 302 /MicroPython.bin; }
        location /up.bin { return 302 https://localhost:$https/chain.bin?token=SECRET; }
        location /away.bin { return 302 ftp://user:SECRET@127.0.0.1/x.bin; }
        location /private/ { auth_basic x; auth_basic_user_file $WORK/htpasswd; alias $WORK/www/; }
        location /to-private.bin { return 302 /private/MicroPython.bin; }
        location = /named.bin { alias $WORK/www/MicroPython.bin; }
        location /secret.bin { return 403; }
        location /loop.bin { return 302 /loop.bin; }
        location /trick/ { proxy_pass http://127.0.0.1:$trick/; proxy_buffering off; proxy_http_version 1.1; proxy_ignore_client_abort on; }
    }
    server {
        listen 127.0.0.1:$https ssl;
        listen 127.0.0.2:$https ssl;
        ssl_certificate $WORK/srv.pem;
        ssl_certificate_key $WORK/srv.key;
        location /down.bin { return 302 http://127.0.0.1:$http/MicroPython.bin; }
        location /chain.bin { return 302 https://localhost:$https/down.bin; }
    }
}
CONF
"$nginx" -p "$WORK" -c "$WORK/nginx.conf" >nginx.out 2>&1 &
PIDS+=($!)

# What nginx does not do by itself: a server that lies about lengths, stalls, breaks off, ignores or garbles ranges.
cat >trick.py <<'PY'
import http.server, sys, time
body = open("www/MicroPython.bin", "rb").read()
seen = {}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def reply(self, status, length=None, **headers):
        self.send_response(status)
        if length is not None: self.send_header("Content-Length", str(length))
        for k, v in headers.items(): self.send_header(k.replace("_", "-"), v)
        self.send_header("Connection", "close")
        self.end_headers()
    def do_GET(self):
        self.close_connection = True
        n = seen[self.path] = seen.get(self.path, 0) + 1
        wanted = self.headers.get("Range")
        if self.path == "/nolength.bin":
            self.reply(200); self.wfile.write(body)
        elif self.path.startswith("/cut.bin"):
            self.reply(200, len(body)); self.wfile.write(body[:100000])
        elif self.path == "/stall.bin":
            self.reply(200, len(body)); self.wfile.write(body[:100000]); self.wfile.flush(); time.sleep(8)
        elif self.path == "/resume.bin":
            if n == 1: self.reply(200, len(body), ETag='"a"'); self.wfile.write(body[:100000])
            else:
                start = int(wanted.split("=")[1].split("-")[0])
                self.reply(206, len(body) - start, ETag='"a"', Content_Range="bytes %d-%d/%d" % (start, len(body) - 1, len(body)))
                self.wfile.write(body[start:])
        elif self.path == "/norange.bin":
            self.reply(200, len(body), ETag='"a"'); self.wfile.write(body[:100000] if n == 1 else body)
        elif self.path == "/wrongrange.bin":
            if n == 1: self.reply(200, len(body), ETag='"a"'); self.wfile.write(body[:100000])
            else: self.reply(206, 100, ETag='"a"', Content_Range="bytes 0-99/%d" % len(body)); self.wfile.write(body[:100])
        elif self.path == "/drip.bin":
            self.reply(200, len(body))
            try:
                for i in range(100): self.wfile.write(body[4 * i:4 * i + 4]); self.wfile.flush(); time.sleep(1)
            except OSError: pass
        elif self.path == "/slow.bin":
            self.reply(200, len(body))
            try:
                for i in range(100): self.wfile.write(body[2048 * i:2048 * i + 2048]); self.wfile.flush(); time.sleep(0.5)
            except OSError: pass
        elif self.path == "/silent.bin": time.sleep(30)
        elif self.path == "/headers.bin":
            try:
                for c in b"HTTP/1.1 200 OK\r\nX-Slow: yes and so on": self.wfile.write(bytes([c])); self.wfile.flush(); time.sleep(1)
            except OSError: pass
        elif self.path == "/nowhere.bin": self.reply(302, 0)
        elif self.path == "/part.bin":
            self.reply(206, 100, Content_Range="bytes 0-99/%d" % len(body)); self.wfile.write(body[:100])
        elif self.path == "/evil.bin":
            self.send_response(404, "no\x1b[2J\x9b"); self.send_header("Server", "\x1b[2J"); self.end_headers()
        elif self.path == "/evilredirect.bin": self.reply(302, 0, Location="ftp://x/\x1b[2J")
        elif self.path == "/endless.bin":
            self.reply(200)
            try:
                for _ in range(40): self.wfile.write(bytes(1 << 20))
            except OSError: pass
        else: self.reply(404, 0)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.serve_forever()
PY
python3 trick.py "$trick" >trick.log 2>&1 &
PIDS+=($!)
servers_are_up() { curl -s -o /dev/null "http://127.0.0.1:$http/" && curl -s -o /dev/null "http://127.0.0.1:$trick/"; }
wait_until 20 servers_are_up || not_ok "the servers start" "$(cat trick.log)"

rm -f flash.bin
"$ESPOTA" sim --flash-file flash.bin --flash 4M --download --no-pty --tcp 0 >s.out 2>s.log </dev/null &
sim=$!
wait_for s.out '^uart'
"$ESPOTA" flash -q --port "$(sed -n 's/^uart: //p' s.out)" --bootloader bootloader.bin --app old.bin
kill $sim && wait $sim 2>/dev/null
cp flash.bin clean.bin

good() { # NAME ARGS...: the update happens
    local name=$1
    shift
    cp clean.bin flash.bin
    start_sim --flash-file flash.bin
    run ota --port "$TTY" "$@"
    expect "$name" 0 "err:Image written and verified" "err:started from 'MicroPython_2'"
    stop_sim
    cmp -s -i $((0x110000)):0 -n 307200 flash.bin www/MicroPython.bin || not_ok "$name: the image is in flash"
}
bad() { # NAME STATUS TEXT ARGS...: flash stays as it was
    local name=$1 status=$2 text=$3
    shift 3
    cp clean.bin flash.bin
    start_sim --flash-file flash.bin
    run ota --port "$TTY" "$@"
    expect "$name" "$status" "err:$text"
    stop_sim
    same "$name: flash is untouched" flash.bin clean.bin
}
base=http://127.0.0.1:$http
sbase=https://localhost:$https

good "plain http" --url $base/MicroPython.bin
good "http with MD5" --url $base/MicroPython.bin --md5
grep -q "MD5 Checksum check PASSED" <<<"$ERR" || not_ok "the MD5 is checked"
good "path by default" --url 127.0.0.1 --http-port "$http" --md5
good "path given" --url http://127.0.0.1 --http-port "$http" --path /nomd5.bin
good "a redirect" --url $base/moved.bin
good "TLS with a private CA" --url $sbase/MicroPython.bin --certificate ca.pem --md5
good "TLS trusting the server's own certificate" --url $sbase/MicroPython.bin --certificate srv.pem
export SSL_CERT_FILE=ca.pem
good "TLS with the authorities that the environment names" --url $sbase/MicroPython.bin
export SSL_CERT_FILE=nowhere.pem
good "which are not looked for without TLS" --url $base/MicroPython.bin
unset SSL_CERT_FILE
good "no Content-Length" --url $base/trick/nolength.bin
good "a broken transfer goes on" --url http://127.0.0.1:$trick/resume.bin
good "a server that ignores Range" --url http://127.0.0.1:$trick/norange.bin
bad "TLS without the CA" 4 "--certificate" --url $sbase/MicroPython.bin
bad "TLS with another CA" 4 "cannot trust the server" --url $sbase/MicroPython.bin --certificate other.pem
bad "TLS for another name" 4 "cannot trust the server" --url https://127.0.0.2:"$https"/MicroPython.bin --certificate ca.pem
bad "certificate file missing" 2 "no such file" --url $sbase/MicroPython.bin --certificate nowhere.pem
bad "certificate file is none" 2 "not a readable PEM" --url $sbase/MicroPython.bin --certificate old.bin
bad "a redirect from https to http" 1 "cannot get" --url $sbase/down.bin --certificate ca.pem
bad "404" 1 "HTTP status 404" --url $base/nowhere.bin
bad "403" 1 "HTTP status 403" --url $base/secret.bin
bad "redirects without end" 1 "redirects" --url $base/loop.bin
bad "a body cut short" 1 "ended after 100000 bytes" --url http://127.0.0.1:$trick/cut.bin
bad "a server that stalls" 1 "stalled after 100000 bytes" --url http://127.0.0.1:$trick/stall.bin --stall-timeout 1
bad "another part than was asked for" 1 "another part" --url http://127.0.0.1:$trick/wrongrange.bin
bad "a body without end" 1 "larger than" --url http://127.0.0.1:$trick/endless.bin
bad "MD5 missing" 4 "no MD5 to check" --url $base/nomd5.bin --md5
bad "MD5 wrong" 4 "MD5 check" --url $base/badmd5.bin --md5
bad "MD5 is no MD5" 4 "32 hex digits" --url $base/notmd5.bin --md5
bad "image for another chip" 4 "ESP32-C3" --url $base/c3.bin
bad "image too big for the slot" 1 "holds 1048576" --url $base/big.bin
bad "not an image" 4 "it is an HTML page" --url $base/page.bin
bad "a redirect to nowhere" 1 "without saying where to" --url http://127.0.0.1:$trick/nowhere.bin
bad "a redirect to another scheme" 1 "redirects to ftp://127.0.0.1/x.bin, which is neither" --url $base/away.bin
bad "http, https, https, http" 1 "redirects from https to http://127.0.0.1" --url $base/up.bin --certificate ca.pem
bad "a part of it, unasked" 1 "a part, though all was asked for" --url http://127.0.0.1:$trick/part.bin
bad "a URL with a space" 2 "%20" --url "$base/Micro Python.bin"
bad "nobody there" 1 "cannot get" --url http://127.0.0.1:1/x.bin
bad "no http address" 2 "no http:// or https:// address" --url ftp://127.0.0.1/x.bin

# limits are kept, within a second, and the device is not touched meanwhile
limited() { # NAME SECONDS TEXT ARGS...
    local name=$1 limit=$2 text=$3 started took
    shift 3
    started=$(date +%s%N)
    run ota --port /nowhere/to/be/opened "$@"
    took=$((($(date +%s%N) - started) / 1000000))
    expect "$name" 1 "err:$text"
    if [ "$took" -ge $((limit * 1000 - 50)) ] && [ "$took" -le $((limit * 1000 + 1800)) ]; then
        ok "$name: after $limit s"
    else
        not_ok "$name: after $limit s" "took $took ms"
    fi
}
limited "a server that stalls" 2 "stalled after 100000 bytes" --url http://127.0.0.1:$trick/stall.bin --stall-timeout 2
limited "a server that drips" 2 "stalled after" --url http://127.0.0.1:$trick/drip.bin --stall-timeout 2
limited "a server that says nothing" 2 "stalled after 0 bytes" --url http://127.0.0.1:$trick/silent.bin --stall-timeout 2
limited "a server that drips headers" 2 "stalled after 0 bytes" --url http://127.0.0.1:$trick/headers.bin --stall-timeout 2
limited "a slow server" 3 "takes too long" --url http://127.0.0.1:$trick/slow.bin --timeout 3
"$ESPOTA" ota --port /nowhere --url http://127.0.0.1:$trick/silent.bin >stdout 2>stderr </dev/null &
ota=$!
wait_until 20 waits $ota
kill -INT $ota
wait $ota
STATUS=$? OUT=$(cat stdout) ERR=$(cat stderr)
expect "Ctrl-C while a server says nothing" 130 "err:stopped on request"
run ota --port /nowhere --url $base/page.bin
expect "what is no image is known before a port is opened" 4 "err:it is an HTML page"

# ---- what is secret in a URL stays so
printf 'user:%s\n' "$(openssl passwd -apr1 SECRET)" >htpasswd
secret() { # NAME STATUS ARGS...: the word is nowhere
    local name=$1 status=$2
    shift 2
    cp clean.bin flash.bin
    run ota -v --port file:flash.bin "$@"
    if [ "$STATUS" -ne "$status" ]; then not_ok "$name" "status $STATUS" "$OUT" "$ERR"
    elif [[ "$OUT $ERR" == *SECRET* ]]; then not_ok "$name" "$OUT" "$ERR"
    else ok "$name"; fi
}
auth=http://user:SECRET@127.0.0.1:$http
secret "a password" 0 --url "$auth/private/MicroPython.bin"
secret "a password, --json" 0 --json --url "$auth/private/MicroPython.bin"
secret "a password and a token, with MD5" 0 --md5 --url "$auth/MicroPython.bin?token=SECRET"
secret "a password after a redirect" 0 --url "$auth/to-private.bin"
secret "a password that is wrong" 1 --url "http://user:SECRETS@127.0.0.1:$http/private/MicroPython.bin"
secret "a token and 404, --json" 1 --json --url "$base/nothing.bin?token=SECRET#SECRET"
secret "a token in a redirect" 4 --url "$base/up.bin"
secret "a token and no MD5" 4 --md5 --url "$base/nomd5.bin?SECRET"
secret "a token and no MD5 in the MD5" 4 --md5 --url "$auth/notmd5.bin?SECRET"
secret "a token and a wrong MD5" 4 --md5 --url "$auth/badmd5.bin?SECRET"
secret "a token and no image" 4 --url "$auth/page.bin?SECRET"
secret "a password in what is no URL" 2 --url "http://user:SEC/SECRET@127.0.0.1:x/a b"
secret "a password and another scheme" 2 --url "ftp://user:SECRET@127.0.0.1/x"
secret "a password and nobody there" 1 --url "http://user:SECRET@127.0.0.1:1/x?SECRET"
secret "a token and a body cut short" 1 --url "http://127.0.0.1:$trick/cut.bin?SECRET"
secret "a password and a body without end" 1 --url "http://user:SECRET@127.0.0.1:$trick/endless.bin?SECRET"
run ota --port file:flash.bin --url "http://127.0.0.1:$trick/evil.bin"
[[ "$OUT$ERR" == *$'\e'* ]] && not_ok "a server's words" "$ERR" || ok "a server's words"
run ota --port file:flash.bin --url "http://127.0.0.1:$trick/evilredirect.bin"
[[ "$OUT$ERR" == *$'\e'* ]] && not_ok "a server's redirect" "$ERR" || ok "a server's redirect"
sum=$(md5sum <www/MicroPython.bin | cut -d' ' -f1)
printf 'MD5(old.bin)= d41d8cd98f00b204e9800998ecf8427e\nMD5(named.bin)= %s\n' "$sum" >www/named.bin.md5
good "the MD5 of this file among several" --url "$base/named.bin?x" --md5

# the link to the device dies midway
cp clean.bin flash.bin
start_sim --flash-file flash.bin --disconnect-after 150000
run ota --port "$UART" --url $base/MicroPython.bin --md5
expect "the link dies midway" 3 "err:'MicroPython_1' still boots"
cmp -s -n $((0x110000)) flash.bin clean.bin && ok "the running slot and otadata are untouched" || not_ok "the running slot and otadata are untouched"
run ota --port "$UART" --url $base/MicroPython.bin --md5 --restart
expect "and the next run finishes" 0 "err:Image written and verified"
stop_sim
