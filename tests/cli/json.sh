#!/usr/bin/env bash
# What every command prints with --json is what espota-json(7) lists: keys, types, units rounded, null where it says so.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
mkdir runs
: >runs/unseen

# reached ARGS...: how `device` names what they name.
reached() {
    while [ $# -gt 1 ]; do
        case $1 in
        --port) echo "${2#file:}" ;;
        --host) echo "tcp://$2" ;;
        esac
        shift
    done
}
# document NAME COMMAND ARGS...: it ends well, and its document is kept under the command's name.
document() {
    local name=$1 command=$2 device
    shift
    case $command in nvs | fs | cache) command=$1-$2 ;; esac # what they print is another document for each word behind
    case " $* " in " devices --network "*) command=devices-network ;; " image "*"--merge "*) command=image-merge ;; " image "*" --extract "*) command=image-extract ;; " image "*" -o "*) command=image-output ;; " delta "*"--apply "*) command=delta-apply ;; " delta "*"--show "*) command=delta-show ;; esac
    device=$(reached "$@")
    run "$@" --json
    if [ "$STATUS" -ne 0 ]; then
        not_ok "$name" "exit status $STATUS" "$OUT" "$ERR"
    elif [ -n "$device" ] && [[ "$OUT" != *"\"device\": \"$device\""* ]]; then
        not_ok "$name" "the device is not $device" "$OUT"
    else
        COUNT=$((${COUNT:-0} + 1))
        cp stdout "runs/$command.$COUNT"
    fi
}
# failure NAME STATUS ARGS...: it fails, with a document that says how.
failure() {
    local name=$1 status=$2
    shift 2
    run "$@" --json
    expect "$name" "$status" "out:\"exit\": $status"
    COUNT=$((${COUNT:-0} + 1))
    cp stdout "runs/failure.$COUNT"
}
# unseen COMMAND PATH value|null REASON: no run here shows it.
unseen() { echo "$1 $2 $3: $4" >>runs/unseen; }

make_build --version 1.0 --seed 1 --size 200K
"$MKIMAGE" -o new.bin --version 2.0 --seed 2 --size 200K
head -c 16384 /dev/urandom >nvs.bin

# ---- files
document "plan" plan --flash 4M --fssize 3M
for key in type subtype; do unseen plan "partitions[].$key" null "what is planned has a name"; done
printf 'nvs, data, nvs, 0x9000, 16K\nodd, 0x50, 0x60, , 4K\n' >odd.csv
document "a table in a file" table odd.csv
document "a table for a flash" table odd.csv --flash 4M
document "an app" image build/firmware.bin
document "a bootloader" image build/bootloader.bin
# without a hash, nothing guards the header: an image of mode 7, frequency 7 and size 15, for a chip that nobody knows
python3 - <<'PY'
data = bytearray(open("build/firmware.bin", "rb").read())[:-32]
data[2], data[3], data[12], data[23] = 7, 0xf7, 0x77, 0
open("strange.bin", "wb").write(data)
PY
document "an image that is strange" image strange.bin
# what only newer ESP-IDFs write: revisions, pages, a bootloader's description
python3 - <<'PY'
import hashlib
data = bytearray(open("build/firmware.bin", "rb").read())
data[17:19], data[32 + 178:32 + 180], data[32 + 180] = b"\x8f\1", b"\xc7\0", 16
open("newer.bin", "wb").write(data)
data = bytearray(open("build/bootloader.bin", "rb").read())
data[32:112] = bytes([80, 0, 0, 0, 1, 0, 0, 0]) + b"v5.5".ljust(32, b"\0") + b"Nov  1 2026 12:00:00".ljust(40, b"\0")
open("newer_loader.bin", "wb").write(data)
for name in "newer.bin", "newer_loader.bin":
    data = bytearray(open(name, "rb").read())
    count, at, checksum = data[1], 24, 0xef
    for _ in range(count):
        length = int.from_bytes(data[at + 4:at + 8], "little")
        for byte in data[at + 8:at + 8 + length]:
            checksum ^= byte
        at += 8 + length
    at += 15 - at % 16
    data[at] = checksum
    data[at + 1:at + 33] = hashlib.sha256(data[:at + 1]).digest()
    open(name, "wb").write(data)
PY
document "an app of a newer build" image newer.bin
document "a bootloader of a newer build" image newer_loader.bin
"$BUILD/tools/mkelf" app.elf esp32 30000
document "an image of an ELF file" image app.elf -o made.bin
document "files merged" image --merge -o merged.bin 0x1000 build/bootloader.bin 0x9000 nvs.bin
document "files of no chip merged" image --merge -o merged.bin 0x9000 nvs.bin
"$ESPOTA" plan -q --flash 4M --binary planned.bin >/dev/null
"$ESPOTA" image -q --merge -o merged.bin 0x1000 build/bootloader.bin 0x8000 planned.bin 0x10000 build/firmware.bin
document "a merged image taken apart" image merged.bin --extract parts
head -c 65536 /dev/zero | tr '\0' '\377' >blank.bin
"$ESPOTA" image -q --merge -o merged.bin 0x0 blank.bin 0x10000 strange.bin 0x8000 planned.bin 2>/dev/null || cp blank.bin merged.bin
dd if=planned.bin of=merged.bin bs=4096 seek=8 conv=notrunc status=none
document "one for no chip" image merged.bin --extract parts-of-none
document "a device's key" key --new board.key
document "a signing key" key --signing owner.pem
document "its public half" key owner.pem.pub
printf 'chip = esp32\n' >settings.ini
ESPOTA_CONFIG=settings.ini ESPOTA_PORT=/dev/nowhere document "settings" config
export ESPOTA_CACHE=$WORK/cache
document "keeping images" cache add build/firmware.bin strange.bin
printf x >"cache/$(printf '%064d' 0).bin"
document "what is kept" cache show
document "where" cache path
document "one removed" cache remove 0000
document "all removed" cache clear
export ESPOTA_CACHE=
document "no cache" cache show
"$MKIMAGE" -o newer-app.bin --version 1.1 --seed 1 --size 200K
document "a patch" delta build/firmware.bin newer-app.bin -o app.patch
document "a patch shown" delta --show app.patch
document "a patch applied" delta --apply build/firmware.bin app.patch -o applied.bin
for command in delta delta-apply delta-show; do
    for key in chip instruction_set; do unseen $command $key null "images for a chip that this program does not know"; done
done
document "sign" sign new.bin --key owner.pem --output signed.bin
"$MKIMAGE" -o agent.bin --kind agent --size 32K
document "provision" provision agent.bin --key board.key --output keyed.bin
document "an open agent" provision agent.bin --output open.bin

# ---- ports: two that libserialport is made to tell of
cat >ports.c <<'C'
typedef struct sp_port { const char *path; int usb; } sp_port;
static sp_port usb = { "usb0", 1 }, plain = { "/dev/nowhere", 0 };
static sp_port *list[] = { &usb, &plain, 0 };
int sp_list_ports(sp_port ***out); int sp_list_ports(sp_port ***out) { *out = list; return 0; }
void sp_free_port_list(sp_port **l); void sp_free_port_list(sp_port **l) { (void)l; }
char *sp_get_port_name(const sp_port *p); char *sp_get_port_name(const sp_port *p) { return (char *)p->path; }
int sp_get_port_transport(const sp_port *p); int sp_get_port_transport(const sp_port *p) { return p->usb; }
int sp_get_port_usb_vid_pid(const sp_port *p, int *v, int *i);
int sp_get_port_usb_vid_pid(const sp_port *p, int *v, int *i) { (void)p; *v = 0x10c4; *i = 0xea60; return 0; }
char *sp_get_port_usb_product(const sp_port *p); char *sp_get_port_usb_product(const sp_port *p) { (void)p; return "a bridge"; }
char *sp_get_port_usb_serial(const sp_port *p); char *sp_get_port_usb_serial(const sp_port *p) { (void)p; return "0001"; }
C
if [ -z "${ESPOTA_SANITIZED:-}" ] && gcc -w -shared -fPIC -o ports.so ports.c; then
    start_sim --flash-file ports.bin --flash 4M
    ln -s "$(readlink "$TTY")" usb0
    LD_PRELOAD=$WORK/ports.so document "devices" devices
    stop_sim
else
    unseen devices '*' value "libserialport cannot be stood in for"
fi

# ---- the network: an agent and an ESPHome device that Avahi is made to tell of, and an ArduinoOTA that says nothing more
cat >avahi.c <<'C'
#include <avahi-client/lookup.h>
#include <avahi-common/malloc.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
struct call { AvahiServiceBrowserCallback heard; AvahiServiceResolverCallback found; void *context; char type[32]; AvahiTimeout *timeout; };
static const AvahiPoll *loop;
static struct call *at_once(const char *type, void *context, AvahiTimeoutCallback fire) {
    struct call *c = calloc(1, sizeof *c);
    struct timeval now = { 1, 0 };
    strcpy(c->type, type);
    c->context = context;
    c->timeout = loop->timeout_new(loop, &now, fire, c);
    return c;
}
static void hear(AvahiTimeout *t, void *context) {
    struct call *c = context;
    loop->timeout_update(t, NULL);
    c->heard(NULL, strstr(c->type, "arduino") ? 0 : 1, AVAHI_PROTO_INET, AVAHI_BROWSER_NEW, "lamp", c->type, "local", 0, c->context);
}
static void find(AvahiTimeout *t, void *context) {
    struct call *c = context;
    AvahiAddress address = { .proto = AVAHI_PROTO_INET, .data.ipv4.address = htonl(INADDR_LOOPBACK) };
    AvahiStringList *text = strstr(c->type, "esphome") ? avahi_string_list_new("board=esp32dev", "quiet", NULL)
        : avahi_string_list_new("proto=1", "chip=esp32", "project=lamp", "version=1.0", "mac=240ac4000110", "key=yes", NULL);
    loop->timeout_update(t, NULL);
    if (!strstr(c->type, "arduino"))
        c->found(NULL, 1, AVAHI_PROTO_INET, AVAHI_RESOLVER_FOUND, "lamp", c->type, "local", "lamp.local", &address, 3232, text, 0, c->context);
    avahi_string_list_free(text);
}
AvahiClient *avahi_client_new(const AvahiPoll *p, AvahiClientFlags f, AvahiClientCallback told, void *context, int *error) { loop = p; return (AvahiClient *)&loop; }
void avahi_client_free(AvahiClient *c) { }
int avahi_client_errno(AvahiClient *c) { return 0; }
AvahiClientState avahi_client_get_state(AvahiClient *c) { return AVAHI_CLIENT_S_RUNNING; }
AvahiServiceBrowser *avahi_service_browser_new(AvahiClient *c, AvahiIfIndex i, AvahiProtocol p, const char *type, const char *domain,
    AvahiLookupFlags f, AvahiServiceBrowserCallback heard, void *context) {
    struct call *call = at_once(type, context, hear);
    call->heard = heard;
    return (AvahiServiceBrowser *)call;
}
AvahiServiceResolver *avahi_service_resolver_new(AvahiClient *c, AvahiIfIndex i, AvahiProtocol p, const char *name, const char *type,
    const char *domain, AvahiProtocol a, AvahiLookupFlags f, AvahiServiceResolverCallback found, void *context) {
    struct call *call = at_once(type, context, find);
    call->found = found;
    return (AvahiServiceResolver *)call;
}
int avahi_service_resolver_free(AvahiServiceResolver *r) { return 0; }
C
if [ -z "${ESPOTA_SANITIZED:-}" ] && gcc -w -shared -fPIC -o avahi.so avahi.c; then
    LD_PRELOAD=$WORK/avahi.so document "devices on the network" devices --network --service all --timeout 1
else
    unseen devices-network '*' value "Avahi cannot be stood in for"
fi

# ---- a file as the device
FILE=(--port file:flash.bin)
document "flash into a new file" flash "${FILE[@]}" --chip esp32 --flash 4M build
document "the table alone, of no chip" flash "${FILE[@]}" --table odd.csv --erase
document "and back" flash "${FILE[@]}" --chip esp32 build --erase
document "status of a file" status "${FILE[@]}"
document "info of a file" info "${FILE[@]}"
document "the table in a file of flash" table "${FILE[@]}"
document "backup" backup "${FILE[@]}" saved.bin
document "restore" restore "${FILE[@]}" saved.bin
grep -q '"schema"\|"device"\|"warnings"' saved.bin.json && not_ok "the manifest stays as it is" "$(cat saved.bin.json)" || ok "the manifest stays as it is"
printf 'nvs, data, nvs, 0x9000, 16K\nmine, app, 0x45, 0x10000, 1M\nfactory, app, factory, 0x110000, 1M\nbig, data, fat, 0x210000, 2M\n' >beyond.csv
"$ESPOTA" table -q beyond.csv --binary beyond.bin >/dev/null
cp flash.bin beyond-flash.bin
dd if=beyond.bin of=beyond-flash.bin bs=4096 seek=8 conv=notrunc status=none
document "backup of a table that reaches beyond the flash" backup --port file:beyond-flash.bin beyond-saved.bin
sed 's/2M$/1M/' beyond.csv >mine.csv
"$ESPOTA" table -q mine.csv --binary mine.bin >/dev/null
dd if=mine.bin of=beyond-flash.bin bs=4096 seek=8 conv=notrunc status=none
document "status of an app of no subtype that is known" status --port file:beyond-flash.bin
unseen status flash_size null "every device here tells it"

# ---- file systems
mkdir -p site/lib
echo 'print(1)' >site/main.py
echo long >'site/lib/a long name.txt'
document "making littlefs" fs make site -o littlefs.bin --type littlefs --size 256K
document "making FAT" fs make site -o fat.bin --type fat --size 256K
document "ls of littlefs" fs ls --image littlefs.bin
document "ls of FAT" fs ls --image fat.bin -r
document "flash a file system" flash "${FILE[@]}" --chip esp32 --fs-dir site
document "ls of a device" fs ls "${FILE[@]}"
document "get of an image" fs get --image littlefs.bin / got1
document "get of a device" fs get "${FILE[@]}" / got2

# ---- NVS: of values of every kind, in every state
cat >values.csv <<'CSV'
key,type,encoding,value
cfg,namespace,,
name,data,string,lamp
password,data,string,hush
count,data,u8,7
huge,data,u64,18446744073709551615
raw,data,hex2bin,00ff
old,data,u8,1
old,data,u8,2
torn,data,u8,3
mute,data,string,x
long,data,blob_fill(5000;0xab),
lone,data,blob_fill(4100;0xab),
CSV
document "making NVS" nvs make values.csv -o values.bin --size 24K
python3 - <<'PY'
data = bytearray(open("values.bin", "rb").read())
entry = lambda page, key: next(i for i in range(126) if data[page * 4096 + 64 + i * 32 + 8:][:16].rstrip(b"\0") == key)
torn, mute = entry(0, b"torn"), entry(0, b"mute")
data[64 + torn * 32 + 24] ^= 1                    # its CRC is wrong
data[64 + torn * 32] = 9                          # and so is its namespace, which has no name
data[64 + mute * 32 + 32] ^= 1                    # the bytes behind it are not its own
count = entry(0, b"count")
data[32 + count // 4] &= ~(3 << count % 4 * 2)    # erased
data[4096 + 32] &= 0xfc                           # the second part of the long blob is erased
data[5 * 4096] = 0                                # a page that is none
index = next(i for i in range(126) if data[2 * 4096 + 64 + i * 32 + 1] == 0x48)
data[2 * 4096 + 32 + index // 4] &= ~(3 << index % 4 * 2)
open("hurt.bin", "wb").write(data)
PY
document "NVS in a file" nvs show values.bin
document "NVS that is hurt" nvs show hurt.bin --all --show-secrets
document "NVS of a device" nvs show "${FILE[@]}"
head -c 64 /dev/urandom >halves
python3 -c 'import sys, zlib; d = open("halves", "rb").read(); sys.stdout.buffer.write(d + zlib.crc32(d, 0xffffffff).to_bytes(4, "little"))' >nvs_keys.bin
chmod 600 nvs_keys.bin
document "making encrypted NVS" nvs make values.csv -o locked.bin --size 24K --nvs-key nvs_keys.bin
document "encrypted NVS" nvs show locked.bin

# ---- through the ROM
start_sim --flash-file board.bin --flash 4M
PORT=(--port "$REMOTE")
document "info" info "${PORT[@]}"
document "flash a blank chip" flash "${PORT[@]}" build
document "write" write "${PORT[@]}" nvs nvs.bin
document "verify" verify "${PORT[@]}" nvs nvs.bin
document "write of several files" write "${PORT[@]}" nvs nvs.bin 0x10000 build/firmware.bin
document "verify of several files" verify "${PORT[@]}" nvs nvs.bin 0x10000 build/firmware.bin
document "read" read "${PORT[@]}" nvs out.bin
document "another layout" flash "${PORT[@]}" build --appsize 1280K --migrate
document "erase" erase "${PORT[@]}" nvs 0x3f0000+4K
document "backup of a board" backup "${PORT[@]}" board-saved.bin
document "restart by the lines" reset "${PORT[@]}"
document "restart into download mode" reset "${PORT[@]}" --download
document "restart through the ROM" reset "${PORT[@]}" --via rom

# ---- through the agent
document "status" status "${PORT[@]}"
document "info of an agent" info "${PORT[@]}" --via agent
document "ota" ota "${PORT[@]}" --file new.bin --restart
"$MKIMAGE" -o third.bin --version 3.0 --seed 2 --size 200K
document "ota of what changed" ota "${PORT[@]}" --file third.bin --base new.bin --restart
unseen ota base.version null "mkimage gives all images a version"
mkdir www && cp new.bin www
python3 "$ROOT/tests/cli/pull_server.py" www www.log >www.port &
PIDS+=($!)
wait_until 20 test -s www.port || not_ok "a server starts"
document "ota of what the device fetches" ota "${PORT[@]}" --pull --url "http://127.0.0.1:$(cat www.port)/new.bin" --restart
python3 "$ROOT/tests/cli/arduino_device.py" --out taken.bin --log device.log >device.out 2>&1 &
ARDUINO=$!
PIDS+=("$ARDUINO")
wait_until 20 test -s device.out || not_ok "a device with ArduinoOTA starts" "$(cat device.out)"
document "ota of a device of others" ota --arduino "127.0.0.1:$(cat device.out)" --file new.bin
kill "$ARDUINO"
wait "$ARDUINO"
document "boot" boot "${PORT[@]}" MicroPython_1 --restart
document "confirm" confirm "${PORT[@]}"
document "rollback" rollback "${PORT[@]}"
document "monitor" monitor "${PORT[@]}" --reset --until 'runs from' --timeout 20
document "monitor for a while" monitor "${PORT[@]}" --timeout 1
failure "nothing that matches" 3 monitor "${PORT[@]}" --until 'no such line' --timeout 1
failure "no such partition" 1 read "${PORT[@]}" nowhere out.bin
failure "another layout is refused" 5 flash "${PORT[@]}" build --appsize 1M
failure "a difference" 4 verify "${PORT[@]}" nvs nvs.bin
if python3 - "$ESPOTA" "$REMOTE" >"runs/failure.interrupted" <<'PY'; then ok "interrupted"; else not_ok "interrupted" "$(cat runs/failure.interrupted)"; fi
import signal, subprocess, sys
espota = subprocess.Popen([sys.argv[1], "monitor", "--json", "--reset", "--port", sys.argv[2]], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
espota.stderr.readline()
espota.send_signal(signal.SIGINT)
document = espota.communicate()[0]
print(document)
sys.exit(espota.returncode != -signal.SIGINT or '"status": "cancelled"' not in document)
PY
stop_sim
start_sim --flash-file board.bin --listen 0 --key board.key
document "status over a network" status --host "$AGENT" --key board.key
stop_sim
start_sim --flash-file c3.bin --flash 4M --chip esp32c3 --lines usb-jtag --secure-boot
document "info of a chip that tells more" info --port "$REMOTE"
stop_sim
start_sim --flash-file c3.bin --flash 4M --chip esp32c3 --lines usb-jtag --secure-download
document "info in secure download mode" info --port "$REMOTE"
stop_sim

# ---- nothing runs, nothing boots
truncate -s 4M blank.bin && tr '\0' '\377' <blank.bin >ff.bin
"$ESPOTA" plan -q --flash 4M --binary planned.bin >/dev/null
dd if=planned.bin of=ff.bin bs=4096 seek=8 conv=notrunc status=none
document "status of a device without an app" status --port file:ff.bin
document "ota into it" ota --port file:ff.bin --file new.bin
unseen ota sha256 null "nothing was left to do, of many devices: fleet.sh"
for command in boot confirm rollback; do unseen $command boots null "where nothing would boot, they fail"; done

# ---- the simulator
simulate() { # ARGS...: its document
    COUNT=$((COUNT + 1))
    : >"runs/sim.$COUNT"
    "$ESPOTA" sim --json -q --flash-file board.bin "$@" >"runs/sim.$COUNT" 2>sim.txt &
    local pid=$!
    wait_for "runs/sim.$COUNT" '}' || not_ok "sim" "$(cat sim.txt)"
    kill "$pid"
    wait "$pid"
}
simulate --tcp 0 --rfc2217 0 --listen 0 --key board.key
simulate
simulate --no-pty --tcp 0
simulate --no-pty --arduino-ota 0 --esphome-ota 0
echo secret123 >webrepl.password && chmod 600 webrepl.password
simulate --repl --webrepl 0 --password-file webrepl.password

# ---- the gateway
printf 'name,address\nlamp,127.0.0.1\n' >devices.csv
(mkdir -p none && cd none && exec python3 -u -m http.server --bind 127.0.0.1 0) >none.log 2>&1 & # knows no device
nobody=$!
PIDS+=("$nobody")
wait_for none.log "Serving HTTP"
timeout -s INT 10 "$ESPOTA" gateway --json --server "http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' none.log | head -1)" --devices devices.csv >events 2>events.err &
pid=$!
PIDS+=("$pid")
events() { [ "$(wc -l <events)" -ge 2 ]; }
wait_until 10 events || not_ok "the gateway tells what happens" "$(cat events events.err)"
kill "$pid" "$nobody" || true
wait "$pid" "$nobody" 2>/dev/null || true
sed -n 1p events >runs/gateway.1
sed -n 2p events >runs/gateway.2

# ---- failures
failure "wrong usage" 2 plan --flash 3M
run plan --frobnicate --json
expect "an option that there is not" 2 'out:"status": "usage"'
run --json frobnicate
expect "a command that there is not" 2 'out:"status": "usage"'
failure "a command that there is not, and --json behind it" 2 frobnicate
failure "no device" 3 status --port /dev/nowhere
failure "no such file" 1 image nowhere.bin
failure "a broken image" 4 image nvs.bin
failure "a file's name of any bytes" 1 image $'\xff\x9b.bin'

"$ESPOTA" status --json --port file:flash.bin 2>/dev/null >/dev/full
[ $? -eq 1 ] && ok "a full disk is an error" || not_ok "a full disk is an error"

for status in $(sed -n 's/^ *\[ESPOTA_[A-Z_]*\] = { "\([a-z-]*\)", .*/\1/p' "$ROOT/src/base/error.c"); do
    [ "$status" = ok ] && continue
    sed -n '/^.It Cm error.status/,/^.It Cm error.exit/p' "$ROOT/man/espota-json.7" | grep -qw -- "$status" || not_ok "the status $status is listed"
done
for hint in $(sed -n 's/^ *ESPOTA_HINT_\([A-Z_]*\),.*/\1/p' "$ROOT/include/espota/error.h"); do
    name=${hint,,}
    grep -q "\[ESPOTA_HINT_$hint\] = \"${name//_/-}\"" "$ROOT/src/base/error.c" || not_ok "the hint $hint has its name"
done
for command in $("$ESPOTA" --dump-options | cut -f1 | uniq); do
    grep -qE "^\.Ss .*espota $command( |\$)" "$ROOT/man/espota-json.7" || not_ok "$command has a section in espota-json(7)"
done
python3 "$ROOT/tests/cli/json_page.py" "$ROOT/man/espota-json.7" runs "$ROOT"/man/*.1
