#!/usr/bin/env bash
# Dependencies point down and never in a circle: proved from the symbols that each object file takes from another.
# Usage: layers.sh OBJECT_FOLDER. Part of 'make lint'.
set -euo pipefail
objects=${1:?usage: layers.sh OBJECT_FOLDER}
# The folders of each floor, from the ground up; a file takes only from its own floor's folder and from floors below.
floors="src/format
firmware/agent
firmware/pull
src/base
src/chip src/plan src/link src/symbols
src/image
src/device src/fetch firmware/port
src/update
src/gateway
src/sim
src/ui
src/cli"
symbols=$(mktemp)
trap 'rm -f "$symbols"' EXIT
(cd "$objects" && find src firmware -name '*.o' | sort | xargs nm -A --format=posix) >"$symbols"
awk -v floors="$floors" '
function folder(file, part) { split(file, part, "/"); return part[1] "/" part[2] }
BEGIN {
    count = split(floors, floor, "\n")
    for (i = 1; i <= count; i++) {
        n = split(floor[i], name, " ")
        for (j = 1; j <= n; j++) level[name[j]] = i
    }
}
{ sub(/:$/, "", $1); sub(/\.o$/, ".c", $1) }
$3 ~ /^[TDBRVWC]$/ { home[$2] = $1 }
$3 == "U" { wants[$1 SUBSEP $2] = 1 }
END {
    for (pair in wants) {
        split(pair, part, SUBSEP)
        from = part[1]; to = home[part[2]]
        if (to == "" || to == from) continue
        arrow[from SUBSEP to] = arrow[from SUBSEP to] " " part[2]
        a = folder(from); b = folder(to)
        if (!(a in level)) { print "layers: " a " has no floor in tests/layers.sh" > "/dev/stderr"; bad = 1 }
        else if (a != b && level[b] >= level[a]) {
            print "layers: " from " reaches up or sideways to " to ":" " " part[2] > "/dev/stderr"; bad = 1
        }
    }
    # what reaches itself by arrows is in a circle: transitive closure over the files
    for (pair in arrow) { split(pair, part, SUBSEP); file[part[1]] = 1; file[part[2]] = 1; reach[pair] = 1 }
    for (k in file) for (i in file) if ((i SUBSEP k) in reach) for (j in file) if ((k SUBSEP j) in reach) reach[i SUBSEP j] = 1
    for (pair in arrow) {
        split(pair, part, SUBSEP)
        if ((part[2] SUBSEP part[1]) in reach) {
            print "layers: in a circle: " part[1] " takes from " part[2] ":" arrow[pair] > "/dev/stderr"; bad = 1
        }
    }
    exit bad
}' "$symbols"
echo "layers: no arrow up, no circle"
