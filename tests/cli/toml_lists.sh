#!/usr/bin/env bash
# Lists of devices in TOML: what CSV says, they say too; what is wrong is said with line and column.
. "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
make_build --size 60K
for board in one two three; do "$ESPOTA" flash -q -p file:$board.bin --flash 4M -c esp32 build; done
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >rack.key
chmod 600 rack.key
start_sim --flash-file two.bin --key rack.key
mkdir rack
mv rack.key rack

cat >rack/list.toml <<TOML
# the rack
title = "ours"
[[device]]
name = 'one'
address = "file:one.bin"
tags = ["first", "beta"]

[[device]]
name = "two \u00e4"
address = "$UART"
key = "rack.key"
tags = ["beta"]
room = { floor = 2, window = "left" }
TOML
run status --devices rack/list.toml
expect "a list in TOML; keys lie beside it" 0 "out:one: 'MicroPython_1' boots next" "out:two ä: runs 'MicroPython_1'" "err:2 done, 0 failed"
run status --devices rack/list.toml --tag first
expect "by tag" 0 "out:one: " "err:1 done"
cp rack/list.toml rack/list
run status --devices rack/list --tag first
expect "without its ending in the name it looks like CSV" 2 "err:its first line is"
sed -i '/^title/d' rack/list
run status --devices rack/list --tag first
expect "it is told by its first line" 0 "err:1 done"
run status --devices <(cat rack/list) --tag first
expect "also from a pipe" 0 "err:1 done"
echo 'device = [{ name = "a", address = "file:one.bin" }, { name = "b", address = "file:three.bin", tags = [] }]' >inline.toml
run status --devices inline.toml --jobs 1
expect "in one line" 0 "err:2 done"

# wrong NAME TEXT: what is read from stdin is refused, with the place in it
wrong() {
    local name=$1
    cat >wrong.toml
    run status --devices wrong.toml
    expect "$name" 2 "err:wrong.toml$2"
}
wrong "what is not TOML" ", line 3, column " <<<$'[[device]]\nname = "x"\naddress = = 3'
wrong "a text that does not end" ", line 2, column " <<<$'[[device]]\nname = "x\naddress = "y"'
wrong "a key twice" ", line 3, column " <<<$'[[device]]\nname = "x"\nname = "y"'
wrong "no address" ", line 4, column 1: a device has a name and an address" <<<$'[[device]]\nname = "x"\naddress = "y"\n[[device]]\nname = "z"'
wrong "a name that is a number" ", line 2, column 8: 'name' of a device is a text" <<<$'[[device]]\nname = 7\naddress = "y"'
wrong "tags that are a text" ", line 4, column 8: 'tags' of a device are an array" <<<$'[[device]]\nname = "x"\naddress = "y"\ntags = "a b"'
wrong "a tag of two words" ", line 4, column 14: a tag is one word" <<<$'[[device]]\nname = "x"\naddress = "y"\ntags = ["a", "b c"]'
wrong "a tag that is a number" ", line 4, column 10: a tag is a text" <<<$'[[device]]\nname = "x"\naddress = "y"\ntags = [ 1 ]'
wrong "a name over lines" ", line 1, column 1: a field goes over lines" <<<$'[[device]]\nname = "x\\ny"\naddress = "y"'
wrong "a NUL" ", line 2, column 8: 'name' has a NUL" <<<$'[[device]]\nname = "x\\u0000y"\naddress = "y"'
wrong "a name twice" " lists 'x' twice" <<<$'[[device]]\nname = "x"\naddress = "y"\n[[device]]\nname = "x"\naddress = "z"'
wrong "one table" ", line 1, column 1: 'device' is no array of tables" <<<$'[device]\nname = "x"\naddress = "y"'
wrong "no table at all" " is no list of devices: it has no table [[device]]" <<<'devices = 3'
wrong "an array of others" ", line 1, column 12: a device is a table" <<<'device = [ 1 ]'
wrong "nothing" " is no list of devices" </dev/null
printf '[[device]]\nname = "\377"\n' | wrong "what is no UTF-8" ", line 2, column "
printf '[[device]]\n\033[2J = 3\n' | wrong "escape sequences" ", line 2, column "
[[ $ERR != *$'\033'* ]] && ok "are not shown" || not_ok "are not shown" "$ERR"

# deep ones: the library recurses
python3 - <<'PY'
deep = 200000
cases = {
    "key": "\n" + ".".join(["a"] * deep) + " = 1",
    "quoted": "\n" + ".".join(['"="'] * deep) + " = 1",
    "table": "\n[" + ".".join(["a"] * deep) + "]",
    "array": "\nx = " + "[" * deep,
    "inline": "\nx = " + "{ a = " * deep,
    "hidden": "\nx = { y = '''\n\"''', " + ".".join(["a"] * deep) + " = 1 }",
    "behind": "\nx = \"\"\" \\\"\"\" # \"\"\"\"\"\n" + ".".join(["a"] * deep) + " = 1",
}
for name, text in cases.items():
    open(f"deep-{name}.toml", "w").write(text)
PY
for name in key quoted table array inline hidden behind; do
    run status --devices deep-$name.toml
    expect "a deep $name" 2 "err:deep-$name.toml, line " "err:not so deep"
done
for text in '[[[device]]' '[=x]' '[}a]' 'd = 1979-05-27T:00Z'; do # what its library takes for granted
    printf '%s\n' "$text" >granted.toml
    run status --devices granted.toml
    expect "no TOML: $text" 2 "err:granted.toml"
done
{
    echo 'x = """ it""s # no [comment] "" a.b.c.d """""'
    echo "y = ''' it's [[ {{ '''"
    # shellcheck disable=SC2016
    echo 'z = "\\\"[[[[" # [[[[[[[ ..................................................................'
    echo '"a.b"."c]" . d = 3.14'
    cat inline.toml
} >odd.toml
run status --devices odd.toml
expect "what only looks deep" 0 "err:2 done"

python3 - <<'PY'
with open("long.toml", "w") as out:
    for i in range(3000):
        out.write(f'[[device]]\nname = "d{i}"\naddress = "10.0.{i // 250}.{i % 250}:1"\ntags = ["x"]\n')
PY
run status --devices long.toml --tag none
expect "a long one" 3 "err:lists no device of that kind"
