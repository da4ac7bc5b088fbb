#!/usr/bin/env bash
# Many devices with little: open files, hosts that do not answer, Ctrl-C, lists that nobody would write.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
MANY=60
"$MKIMAGE" -o old.bin --size 60K
"$MKIMAGE" -o new.bin --size 300K --version 2.0
mkfifo hold
"$BUILD/tools/board_farm" $MANY 0 0 0 40000 old.bin farm.key farm.csv <hold >farm.log 2>&1 &
PIDS+=($!)
exec 7>hold
farm_is_up() { [ -s farm.csv ]; }
wait_until 30 farm_is_up || not_ok "the boards start" "$(cat farm.log)"
port() { sed -n "s/^board$1,\(tcp:[^,]*\),.*/\1/p" farm.csv; }

# open files
(
    ulimit -n 60
    run status --devices farm.csv
    expect "few open files: fewer at a time, and it is said" 0 "err:$MANY done, 0 failed" "err:12 devices at a time" "err:ulimit -n"
    run status --devices farm.csv --jobs 5
    expect "--jobs that there are files for" 0 "err:$MANY done, 0 failed"
    [[ $ERR != *ulimit* ]] && ok "and nothing is said" || not_ok "and nothing is said" "$ERR"
)
(
    ulimit -Sn 60
    run status --devices farm.csv
    expect "what the limit may be raised to is used" 0 "err:$MANY done, 0 failed"
    [[ $ERR != *ulimit* ]] && ok "and nothing is said of it" || not_ok "and nothing is said of it" "$ERR"
)
for jobs in 0 1025; do
    run status --devices farm.csv --jobs $jobs
    expect "--jobs $jobs" 2 "err:--jobs takes a number from 1 to 1024"
done

# a host that does not answer: a port of this machine whose queue is full
cat >silent.py <<'END'
import socket, sys
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
fillers = []
for _ in range(4):
    filler = socket.socket()
    filler.setblocking(False)
    filler.connect_ex(listener.getsockname())
    fillers.append(filler)
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
END
mkfifo hold2
python3 silent.py <hold2 >silent.port &
PIDS+=($!)
exec 8>hold2
silent_is_up() { [ -s silent.port ]; }
wait_until 20 silent_is_up || not_ok "a host that does not answer"
silent=127.0.0.1:$(cat silent.port)
began=$SECONDS
"$ESPOTA" status --host "$silent" -p "$(port 0)" -p "$(port 1)" -k farm.key >out 2>err </dev/null &
status=$!
PIDS+=("$status")
two_are_done() { [ -f out ] && [ "$(grep -c runs out)" -eq 2 ]; }
wait_until 8 two_are_done && ok "who does not answer holds back nobody" || not_ok "who does not answer holds back nobody" "$(cat out err)"
wait $status
STATUS=$? OUT=$(cat out) ERR=$(cat err)
expect "and is given up" 3 "out:$silent: cannot connect to tcp://$silent: no answer" "err:2 done, 1 failed"
[ $((SECONDS - began)) -lt 25 ] && ok "in time" || not_ok "in time" "$((SECONDS - began)) s"

# Ctrl-C with all of them at work, one of which still waits for a connection
sed "s/^board0,[^,]*/board0,$silent/" farm.csv >some.csv
"$ESPOTA" ota --devices some.csv --file new.bin --json >out 2>err </dev/null &
update=$!
PIDS+=("$update")
sleep 3
kill -INT $update
began=$SECONDS
wait $update
STATUS=$?
took=$((SECONDS - began))
if [ $STATUS -eq 130 ] && [ $took -lt 15 ] && python3 -c '
import json, sys
lines = [json.loads(line) for line in open("out")]
assert len(lines) == int(sys.argv[1]) + 1, len(lines)
assert all(line["error"] is None or line["error"]["exit"] == 130 for line in lines[:-1]), lines
assert lines[-1]["summary"]["devices"] == int(sys.argv[1])
' $MANY 2>python; then ok "Ctrl-C with $MANY at work: each is told, soon"; else not_ok "Ctrl-C with $MANY at work: each is told, soon" "$STATUS, $took s" "$(cat python err)" "$(head -c 2000 out)"; fi
run ota --devices farm.csv --file new.bin
expect "the same command goes on where it was" 0 "err:$MANY done, 0 failed"

# lists
first=$(port 1)
{
    echo name,address,key
    echo "a,$first,farm.key"
} >list.csv
run status --devices list.csv -p "$first"
expect "a device of the list named again" 2 "err:are one device: name it once"
run status --host 127.0.0.1 --host 127.0.0.1:3232
expect "a host with and without the usual port" 2 "err:are one device"
run status --host ESP.example --host esp.EXAMPLE
expect "a host in capitals" 2 "err:are one device"
: >dump.bin
ln -s dump.bin link.bin
run status -p file:dump.bin -p file:./link.bin
expect "a link to the same file" 2 "err:are one device"
printf 'name,address,key\na,%s,nowhere.key\nb,%s,farm.key\n' "$(port 1)" "$(port 2)" >list.csv
run status --devices list.csv
expect "a key that is not there fails its device alone" 1 "out:a: cannot open" "out:b: runs" "err:1 done, 1 failed"
printf '\xef\xbb\xbfname,address,key\r\n"a ""1""", %s ,farm.key\r\n' "$first" >list.csv
run status --devices list.csv
expect "a list of a spreadsheet" 0 'out:a "1": runs'
printf 'name,address,key\n"a,%s,farm.key\nb,%s,farm.key\n' "$first" "$(port 2)" >list.csv
run status --devices list.csv
expect "a quote that is not closed" 2 "err:list.csv, line 2: a quote is not closed"
printf 'name,address,key\nk\xfcche,%s,farm.key\n' "$first" >list.csv
run status --devices list.csv --json
printf '%s\n' "$OUT" >lines
[ "$STATUS" -eq 0 ] && python3 -c 'import json; assert len([json.loads(l) for l in open("lines")]) == 2' 2>err &&
    ok "a name that is no UTF-8 is JSON all the same" || not_ok "a name that is no UTF-8 is JSON all the same" "$STATUS" "$(cat err)" "$OUT" "$ERR"
run status -p /dev/nowhere -p "$first" -k farm.key
expect "a port that is not there fails alone" 3 "out:/dev/nowhere: " "out:$first: runs" "err:1 done, 1 failed"
awk 'BEGIN { print "name,address,tags"; for (i = 1; i <= 100000; i++) print "d" i ",10.1." int(i / 250) "." i % 250 ",x" }' >long.csv
began=$SECONDS
run status --devices long.csv --tag nobody
expect "a list of 100,000" 3 "err:lists no device of that kind"
[ $((SECONDS - began)) -lt 20 ] && ok "is read at once" || not_ok "is read at once" "$((SECONDS - began)) s"
exec 7>&- 8>&-
