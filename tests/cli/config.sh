#!/usr/bin/env bash
# Settings: what an option does not say, the environment and espota.ini do, and -v tells which of them.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
WORK=$(pwd -P)
unset ESPOTA_CONFIG
export HOME=$WORK/home XDG_CONFIG_HOME=$WORK/home/.config
mkdir -p home/project/deep/deeper home/.config/espota
cd home/project || exit 1

# from NAME SETTING VALUE ORIGIN: `espota config` says so
from() {
    run config --json
    local got
    got=$(jq -r --arg name "$2" '.settings[] | select(.name == $name) | "\(.value) \(.origin)"' <<<"$OUT")
    if [ "$got" = "$3 $4" ]; then ok "$1"; else not_ok "$1" "$got instead of $3 $4" "$ERR"; fi
}
# says LINES...: what espota.ini has
says() { printf '%s\n' "$@" >"$HOME/project/espota.ini"; }
# wrong NAME TEXT: espota.ini is an error
wrong() {
    run config
    expect "$1" 2 "err:$HOME/project/espota.ini:$2"
}
FILE=$HOME/project/espota.ini

run config
expect "without settings" 0 "err:There is no espota.ini"
says '# a comment' 'chip = esp32s3' '' 'port: /dev/nowhere ; another' 'baud="921600" # fast' "  before = 'no-reset'" 'after ='
from "a line" chip esp32s3 "$FILE:2"
from "with a colon and a comment" port /dev/nowhere "$FILE:4"
from "as TOML writes it" baud 921600 "$FILE:5"
from "indented, in quotes" before no-reset "$FILE:6"
from "no value is none" after null null
cd deep/deeper || exit 1
from "from above" chip esp32s3 "$FILE:2"
ESPOTA_CHIP=esp32c3 from "the environment is stronger" chip esp32c3 ESPOTA_CHIP
ESPTOOL_CHIP=esp32c3 from "with esptool's name too" chip esp32c3 ESPTOOL_CHIP
ESPTOOL_CHIP=esp32c3 ESPOTA_CHIP=esp32c6 from "ours before esptool's" chip esp32c6 ESPOTA_CHIP
ESPOTA_CHIP='' from "an empty variable is none" chip esp32s3 "$FILE:2"
printf 'chip = esp32h2\ntable-offset = 0x10000\n' >"$HOME/.config/espota/espota.ini"
from "the project is stronger than the user" chip esp32s3 "$FILE:2"
from "what it leaves open the user says" table-offset 0x10000 "$HOME/.config/espota/espota.ini:2"
ESPOTA_CONFIG='' from "no file is read" chip null null
printf 'chip = esp32p4\n' >"$WORK/other.ini"
ESPOTA_CONFIG=$WORK/other.ini from "another file is" chip esp32p4 "$WORK/other.ini:1"
ESPOTA_CONFIG=$WORK/nowhere.ini run config
expect "another file that is not there" 2 "err:cannot read the settings in $WORK/nowhere.ini"
mkfifo "$WORK/pipe.ini"
ESPOTA_CONFIG=$WORK/pipe.ini run config
expect "a pipe for a file" 2 "err:it is no file"
cd ../..
printf 'chip = esp32c2\n' >"$WORK/espota.ini"
rm "$FILE"
from "not beyond the home directory" chip esp32h2 "$HOME/.config/espota/espota.ini:1"
rm "$WORK/espota.ini"

# ---- what is wrong is said, with the line and what was meant
says 'chip = esp32' 'baudrate = 9600'
wrong "an unknown setting" "2: there is no setting 'baudrate': did you mean 'baud'?"
says '[falsh]' 'baud = 9600'
wrong "an unknown command" "2: [falsh] is no command: did you mean 'flash'?"
says 'baud 9600'
wrong "no setting" "1: expected NAME = VALUE"
says 'key = "half'
wrong "half a quotation" "1: the quotes do not match"
says "key = $(printf 'x%.0s' {1..300})"
wrong "a long line" "1: the line is too long"
head -c 3000 /dev/zero >"$FILE"
wrong "a file of zeros" "1: "
head -c 3000 /dev/urandom >"$FILE"
run config
expect "a file of noise" 2 "err:$FILE:"
says 'baud = fast'
run info --port /dev/nowhere
expect "a value that is none" 2 "err:--baud" "err:(it is from $FILE:1)"
says 'chip = esp32c33'
run info --port /dev/nowhere
expect "a chip that is none" 2 "err:'esp32c33' is not known" "err:(it is from $FILE:1)"
says 'table-offset = here'
run status --port /dev/nowhere
expect "a size that is none" 2 "err:'here' is not a size" "err:(it is from $FILE:1)"
run status --port /dev/nowhere --help
expect "help is given all the same" 0 "out:Usage"

# ---- who may say something
says 'chip = esp32s3'
chmod o+w "$FILE"
run config
expect "a file that everybody can write" 0 "err:$FILE is not heeded: it can be written by everybody"
[[ $OUT != *esp32s3* ]] && ok "and it is not" || not_ok "and it is not" "$OUT"
ESPOTA_CONFIG=$FILE from "unless it is named" chip esp32s3 "$FILE:1"
chmod o-w "$FILE"
chmod o+w "$HOME/project"
run config
expect "a folder that everybody can write" 0 "err:its folder can be written by everybody"
chmod o-w "$HOME/project"
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
if "${as_root[@]}" chown 65534 "$FILE" 2>/dev/null; then
    run config
    expect "somebody else's file" 0 "err:is not heeded: it belongs to somebody else"
    "${as_root[@]}" chown "$(id -u)" "$FILE"
else
    skip "somebody else's file" "neither root nor sudo"
fi

# ---- and they are used
cd "$HOME/project" || exit 1
make_build --version 1.0 --seed 1 --size 64K
rm "$HOME/.config/espota/espota.ini" "$FILE"
"$ESPOTA" flash -q --port file:flash.bin --flash 4M build
says 'port = file:flash.bin' 'chip = esp32'
mkdir -p far/away
cd far/away || exit 1
run status -v
expect "a flash file, from far away" 0 "out:MicroPython_1" "err:port is file:$HOME/project/flash.bin, by $FILE:1"
run info -v --chip esp32c3
expect "an option is stronger" 0 "out:ESP32-C3"
[[ $ERR != *"chip is"* ]] && ok "and what it replaces is not told" || not_ok "and what it replaces is not told" "$ERR"
"$ESPOTA" key -q --new ../device.key >/dev/null
says 'host = 127.0.0.1:1' 'key = far/device.key' '[status]' 'host = 127.0.0.1:2'
run confirm -v
expect "host and key" 3 "err:127.0.0.1:1" "err:key is $HOME/project/far/device.key, by $FILE:2"
run status
expect "a section for one command" 3 "err:127.0.0.1:2"
ESPOTA_PORT=/dev/nowhere run confirm
expect "a port of the environment is not outdone by a file's host" 3 "err:/dev/nowhere"
run confirm --port /dev/nowhere
expect "nor is an option" 3 "err:/dev/nowhere"
run info --port /dev/nowhere
expect "a key in a file does not make the ROM an agent" 3 "err:/dev/nowhere"
says 'before = no-reset' 'after = no-reset' 'no-stub = true'
run status --port /dev/nowhere
expect "how to reset is no matter where an agent is asked" 3 "err:/dev/nowhere"
run info --port /dev/nowhere
expect "and heeded where the ROM is" 3 "err:/dev/nowhere"
says 'before = no-rest'
run info --port /dev/nowhere
expect "as a wrong word shows" 2 "err:--before 'no-rest'" "err:(it is from $FILE:1)"
says 'chip = esp32c3' 'port = /dev/nowhere'
start_sim --flash-file sim.bin --flash 4M --download
run info --port "$UART" --chip auto
expect "the simulator takes none" 0 "out:ESP32"
stop_sim
run info -v --port-filter name=nothing-like-it
expect "a filter is stronger than a file's port" 3 "err:no serial port is as 'name=nothing-like-it' says"
says 'port-filter = vid=0x303a,name=nothing-like-it'
run info
expect "a filter by file" 3 "err:'vid=0x303a,name=nothing-like-it'"
ESPOTA_PORT=/dev/nowhere run info
expect "a port of the environment is not outdone by a file's filter" 3 "err:/dev/nowhere"
ESPOTA_HOST=127.0.0.1:1 run confirm --port-filter name=nor-like-this
expect "a filter is stronger than the environment's host" 3 "err:no serial port is as 'name=nor-like-this' says"
run info --port-filter vendor=1
expect "no filter" 2 "err:'vendor=1' is none of vid=NUMBER"
run devices --port-filter name=nothing-like-it
expect "a filtered list" 0 "err:No serial port is as 'name=nothing-like-it' says"
