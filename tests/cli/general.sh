#!/usr/bin/env bash
# What holds for every command: help, man page, completions, installation.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1

"$ESPOTA" >/dev/null 2>usage
[ $? -eq 2 ] && grep -q 'The usual way' usage && ok "espota alone explains itself" || not_ok "espota alone explains itself"
run frobnicate
expect "unknown command" 2 "err:no command 'frobnicate'"
run --version
expect "version" 0 "out:espota "
check "the options in the man pages are the program's" "$ROOT/man/options.sh" "$ESPOTA" --check
twice=$("$ESPOTA" --dump-options | awk -F '\t' '{ n[$1 " --" $2]++; if ($3 != "-") n[$1 " -" $3]++ } END { for (o in n) if (n[o] > 1) print o }')
[ -z "$twice" ] && ok "no option means two things" || not_ok "no option means two things" "$twice"
commands=$("$ESPOTA" --dump-options | cut -f1 | uniq)
for command in $commands; do
    run "$command" --help
    expect "$command --help" 0 "out:Usage: espota $command" "out:--json"
    [ -s "$ROOT/man/espota-$command.1" ] && ok "$command has a man page" || not_ok "$command has a man page"
    if [ "$("$ESPOTA" --complete "$command" | head -1)" = "$command" ]; then ok "$command is completed"; else not_ok "$command is completed"; fi
    run "$command" --frobnicate
    expect "$command: unknown option" 2 "err:no such option"
done
"$MKIMAGE" -o x --size 64K
for command in flash status boot ota; do
    case $command in boot) set -- boot x ;; ota) set -- ota --file x ;; flash) set -- flash --app x ;; *) set -- status ;; esac
    run "$@"
    expect "$command without a port" 2 "err:which device?"
    run "$@" --port /dev/nowhere
    expect "$command on a port that is not there" 3 "err:cannot open port /dev/nowhere"
    run "$@" --port tcp://127.0.0.1:1
    expect "$command where nobody listens" 3 "err:cannot connect to tcp://127.0.0.1:1"
    run "$@" --port ftp://x
    expect "$command with a strange port" 2 "err:tcp://host:port"
done
run status --host 127.0.0.1
expect "a network device needs a key" 2 "err:--key FILE"
ESPTOOL_PORT=/dev/nowhere run status
expect "ESPTOOL_PORT is heeded" 3 "err:/dev/nowhere"

if command -v bash >/dev/null; then
    words=$(PATH=$BUILD:$PATH bash -c 'source "$1"; COMP_WORDS=(espota plan --force); COMP_CWORD=2; _espota; echo "${COMPREPLY[*]}"' _ "$ROOT/completions/espota.bash")
    [ "$words" = "--force2p --force3p" ] && ok "bash completes options" || not_ok "bash completes options" "$words"
fi
for shell in zsh fish; do
    file=$ROOT/completions/_espota
    [ $shell = fish ] && file=$ROOT/completions/espota.fish
    if command -v $shell >/dev/null; then check "$shell completion parses" $shell -n "$file"; else skip "$shell completion parses" "no $shell"; fi
done

if [ -z "${ESPOTA_SANITIZED:-}" ]; then
    make -s -C "$ROOT" BUILD="$BUILD" DESTDIR="$WORK/root" PREFIX=/usr install >install.log 2>&1
    check "an installed espota runs" "$WORK/root/usr/bin/espota" --version
    check "its JSON is in an installed manual" test -s "$WORK/root/usr/share/man/man7/espota-json.7"
    cat >use.c <<'C'
#include <espota/plan.h>
int main(void)
{
    struct espota_plan plan;
    struct espota_error error;
    struct espota_plan_request request = { .flash_size = 4u << 20 };
    return espota_plan_make(&plan, &request, &error);
}
C
    export PKG_CONFIG_PATH=$WORK/root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$WORK/root
    # shellcheck disable=SC2046
    check "a program links with the shared library" cc use.c -o use $(pkg-config --cflags --libs espota)
    LD_LIBRARY_PATH=$WORK/root/usr/lib check "and runs" ./use
    make -s -C "$ROOT" BUILD="$BUILD" DESTDIR="$WORK/root" PREFIX=/usr uninstall >>install.log 2>&1
    left=$(find root -type f)
    [ -z "$left" ] && ok "uninstall leaves nothing" || not_ok "uninstall leaves nothing" "$left"
else
    skip "installation" "built with sanitizers"
fi

# what is printed goes through one function, which makes it harmless
bare=$(cd "$ROOT" && grep -nE '(^|[^a-z_])(printf|puts|putchar|fputs|fwrite|fprintf)\(' src/cli/*.c | grep -vE 'src/cli/(main|options|console|show|result)\.c')
[ -z "$bare" ] && ok "commands print by print() alone" || not_ok "commands print by print() alone" "$bare"
