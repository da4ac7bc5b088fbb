#!/usr/bin/env bash
# The programs in examples/, built by pkg-config against an installed libespota, and run on the simulator.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
[ -z "${ESPOTA_SANITIZED:-}" ] || { skip "examples" "built with sanitizers"; exit; }

make -s -C "$ROOT" BUILD="$BUILD" DESTDIR="$WORK/root" PREFIX=/usr install >install.log 2>&1
export PKG_CONFIG_PATH=$WORK/root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$WORK/root
export LD_LIBRARY_PATH=$WORK/root/usr/lib
for example in plan ota flash; do
    # shellcheck disable=SC2046
    check "$example is built" cc -Wall -Wextra -Werror "$ROOT/examples/$example.c" -o "$example" $(pkg-config --cflags --libs espota)
    [ "$(wc -l <"$ROOT/examples/$example.c")" -lt 40 ] && ok "$example is short" || not_ok "$example is short"
done

"$ESPOTA" plan --flash 4M --appsize 1536K --fs littlefs --csv >expected.csv
./plan >plan.csv && same "plan prints what espota plan does" plan.csv expected.csv

make_build --size 100K
"$MKIMAGE" -o new.bin --size 200K --version 2.0
"$ESPOTA" flash -q -p file:flash.bin --flash 4M -c esp32 build
start_sim -f flash.bin
python3 -u -m http.server --bind 127.0.0.1 0 >server.log 2>&1 &
PIDS+=($!)
wait_for server.log "port" || not_ok "a web server starts" "$(cat server.log)"
url=http://127.0.0.1:$(sed -n 's/.* port \([0-9]*\) .*/\1/p' server.log)/new.bin
OUT=$(./ota "$UART" "$url" 2>&1)
[[ $OUT == *"now runs 'MicroPython_2'"* ]] && ok "ota updates a device" || not_ok "ota updates a device" "$OUT" "$(cat "$SIM_LOG")"
run status -p "$TTY"
expect "which then runs it" 0 "out:MicroPython_2"
stop_sim
start_sim -f blank.bin --flash 4M --download
OUT=$(./flash "$UART" build 2>&1)
[[ $OUT == *MicroPython_1* && $OUT == *"0x010000 app"* ]] && ok "flash writes a blank device" || not_ok "flash writes a blank device" "$OUT"
run status -p "$UART"
expect "which runs it" 0 "out:Running:     MicroPython_1"
