#!/usr/bin/env bash
# Link a program that needs nothing of the system it runs on: for containers, and CI images of any distribution.
# Usage: link-static.sh CC OUTPUT OBJECT... -- MODULE... (pkg-config modules).
# Debian's libcurl.a knows protocols that espota does not speak and whose libraries there are partly in no static form
# (Kerberos, LDAP, RTMP); its libdbus.a has servers that systemd starts. What they would bring is tied to one function, which ends the program.
set -euo pipefail
cc=$1 output=$2
shift 2
objects=()
while [ "$1" != -- ]; do objects+=("$1") && shift; done
shift
modules=("$@")
ABSENT='gss|GSS|ldap|ber|RTMP|sd'
LEFT_OUT=' -lgssapi_krb5 -lkrb5 -lk5crypto -lcom_err -lldap -llber -lrtmp -lgnutls '

libraries=()
for flag in $(pkg-config --static --libs "${modules[@]}") -lunistring -lstdc++; do
    [[ $LEFT_OUT != *" $flag "* ]] || continue
    case $flag in
    -l*) [ "$("$cc" -print-file-name="lib${flag#-l}.a")" = "lib${flag#-l}.a" ] || libraries+=("$flag") ;;
    *) libraries+=("$flag") ;;
    esac
done
# Brotli's modules leave out what they share.
[ "$("$cc" -print-file-name=libbrotlicommon.a)" = libbrotlicommon.a ] || libraries+=(-lbrotlicommon)

link() { # FLAG...
    LC_ALL=C "$cc" -static -Wl,--gc-sections -o "$output" "$@" "${objects[@]}" -Wl,--start-group "${libraries[@]}" -Wl,--end-group 2>&1
}

absent=$output.absent
printf '%s\n' '#include <stdio.h>' '#include <stdlib.h>' 'void espota_absent(void);' 'void espota_absent(void)' '{' \
    '    fputs("espota: this static build has no Kerberos, LDAP, RTMP, D-Bus servers and WebSockets\n", stderr);' '    abort();' '}' >"$absent.c"
# Debian has libdivsufsort as a shared library alone. Without it nothing can be sorted: images travel whole.
if [ "$("$cc" -print-file-name=libdivsufsort.a)" = libdivsufsort.a ]; then
    printf '%s\n' 'int divsufsort(const unsigned char *, int *, int);' 'int divsufsort(const unsigned char *t, int *s, int n)' \
        '{' '    (void)t, (void)s, (void)n;' '    return -1;' '}' >>"$absent.c"
fi
# And libwslay. Without it there are no WebSockets: what begins one says so.
if [ "$("$cc" -print-file-name=libwslay.a)" = libwslay.a ]; then
    printf '%s\n' 'int wslay_frame_context_init(void **, const void *, void *);' \
        'int wslay_frame_context_init(void **c, const void *b, void *u)' '{' '    (void)c, (void)b, (void)u;' '    return -301;' '}' >>"$absent.c"
    ABSENT+='|wslay'
else
    libraries+=(-lwslay)
fi
"$cc" -c -o "$absent.o" "$absent.c"
ties=()
while read -r name; do
    ties+=("-Wl,--defsym=$name=espota_absent")
done < <(link | grep -oE "undefined reference to .($ABSENT)_[A-Za-z0-9_]+" | grep -oE '[A-Za-z0-9_]+$' | grep -vx wslay_frame_context_init | sort -u)
status=0
said=$(link "$absent.o" "${ties[@]}") || status=$?
# Hosts are looked up in /etc/hosts and by DNS; what else a system may have for it is not there.
grep -vE "in function|in statically linked applications" <<<"$said" >&2 || true
rm -f "$absent.c" "$absent.o"
exit $status
