#!/usr/bin/env bash
# make deps, and make where packages are missing: on a machine that seems to have no compiler and no pkg-config, and an
# apt-get that brings both.
source "$(dirname "$0")/../lib.sh"
cd "$WORK" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL CC CXX V
PATH=$(tr : '\n' <<<"$PATH" | grep -v ccache | paste -sd :) # which finds no compiler in the folder made here
cc=$(readlink -f "$(command -v gcc)") cxx=$(readlink -f "$(command -v g++)") pkg_config=$(readlink -f "$(command -v pkg-config)")

mkdir bin
ln -s /usr/bin/* /bin/* bin/ 2>/dev/null
rm -f bin/{cc,gcc,c++,g++,clang,python3,shellcheck,pkg-config,apt-get,dpkg-query,sudo}
cat >bin/dpkg-query <<'SH'
#!/bin/sh
exit 1
SH
cat >bin/sudo <<'SH'
#!/bin/sh
exec "$@"
SH
cat >bin/apt-get <<SH
#!/bin/sh
echo "\$*" >>$WORK/apt.log
[ "\$1" = install ] || exit 0
case " \$* " in *" gcc-xtensa-lx106 "*) exit 100 ;; esac
ln -sf "$cc" $WORK/bin/cc
ln -sf "$cxx" $WORK/bin/c++
printf '#!/bin/sh\ncase \$1 in --cflags) echo -DBROUGHT_BY_DEPS ;; esac\nexec "$pkg_config" "\$@"\n' >$WORK/bin/pkg-config
chmod 755 $WORK/bin/pkg-config
SH
chmod 755 bin/{dpkg-query,sudo,apt-get}

bare_make() { # ARGS...: output in OUT, messages in ERR
    PATH=$WORK/bin make -C "$ROOT" "BUILD=$WORK/b" "$@" >stdout 2>stderr </dev/null
    STATUS=$?
    OUT=$(cat stdout) ERR=$(cat stderr)
}
told() { # NAME TEXT: make failed with one line, which says TEXT
    if [ $STATUS -ne 0 ] && [[ $ERR == *"$2"* ]] && [ "$(wc -l <stderr)" -eq 1 ]; then ok "$1"; else not_ok "$1" "$OUT" "$ERR"; fi
}

bare_make
told "make says which packages are missing, and nothing else" "missing Debian packages: g++ gcc libarchive-dev libavahi-client-dev \
libcurl4-openssl-dev libdbus-1-dev libdeflate-dev libdivsufsort-dev libdw-dev libelf-dev libinih-dev libjansson-dev libserialport-dev libssl-dev libtomlplusplus-dev libwslay-dev pkg-config zlib1g-dev: run 'make deps'"
bare_make demo
told "so does a goal that needs more" "python3 zlib1g-dev: run 'make deps demo'"
bare_make lint
told "and the linters" "shellcheck"
bare_make clean
[ $STATUS -eq 0 ] && [ ! -s stderr ] && ok "make clean needs nothing" || not_ok "make clean needs nothing" "$ERR"

object=$WORK/b/obj/src/base/error.o
bare_make -j8 V=1 deps "$object"
check "with deps before it, a goal is built" test -f "$object"
check "with what deps brought" grep -q BROUGHT_BY_DEPS stdout
check "without noise" test ! -s stderr
check "and deps asks apt-get once for all" test "$(grep -c '^install' apt.log)" -eq 1

rm -f apt.log # and no test runs here: python3 does not come
bare_make deps check
check "what is optional is tried one by one" test "$(grep -c '^install.*gcc-xtensa-lx106' apt.log)" -eq 2
check "and what there is of it comes" grep -q '^install.*recommends gcc-riscv64-unknown-elf$' apt.log
[[ $ERR == *"gcc-xtensa-lx106 cannot be installed: what needs it is skipped"* ]] && ok "what there is not is said" ||
    not_ok "what there is not is said" "$ERR"

list() { make -s -n -C "$ROOT" "BUILD=$WORK/b" deps "$@" 2>/dev/null | sed -n 's,^tests/deps.sh,,p' | tr ' ' '\n'; }
extra=$(list demo | grep -vxE 'gcc|g\+\+|libc6-dev|make|pkg-config|python3|lib(archive|avahi-client|dbus-1|curl4-openssl|ssl|serialport|jansson|deflate|divsufsort|elf|dw|inih|tomlplusplus|wslay)-dev|zlib1g-dev|--optional|')
[ -z "$extra" ] && ok "the demo needs little" || not_ok "the demo needs little" "$extra"
check "the tests need no clang" test -z "$(list check | grep clang)"
check "the fuzzers need clang's runtime, of whatever version" grep -qx libclang-rt-dev <(list fuzz)
check "deps alone is for all goals" grep -qx debootstrap <(list)
check "of which it leaves out nothing" test -z "$(comm -13 <(list | sort -u) <(list demo check lint fuzz check-fresh | sort -u))"
