#!/usr/bin/env bash
# A newcomer's machine: pristine Debian systems in a scratch folder, the last commit cloned into each, and there the
# commands of README's set-up, as they stand in it. Then the packages are made there, installed in a second pristine system and
# removed again, and the static program runs where there is nothing else. Usage: fresh.sh RELEASE:USER[:JOBS] ... (USER: root, or
# newcomer, who has sudo; JOBS: make runs so many). How this machine reaches Debian and PyPI goes in with it: apt's mirror and settings, pip's, certificates, proxies.
set -u
cd "$(dirname "$0")/.." || exit 1
TOP=$PWD
mkdir -p "${BUILD:-build}/fresh"
SCRATCH=$(cd "${BUILD:-build}/fresh" && pwd)
PASS_ON='^(PIP_.*|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO|(HTTPS?|FTP|ALL|NO)_PROXY|(https?|ftp|all|no)_proxy)$'
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# What only the tests need: it must not be there after the demo.
ONLY_FOR_CHECK=(clang fish zsh nginx cppcheck libcmocka-dev qemu-system-misc gcc-riscv64-unknown-elf)

source_of() { # RELEASE: the address of the archive that this machine takes RELEASE from
    apt-get indextargets --no-release-info --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk -v release="$1" '$1 == release && $2 == "main" { print $3; exit }'
}

settings() { # ROOT: what a network asks for, as files and as assignments in /settings
    local root=$1 name path
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    apt-config dump | grep -E '^Acquire::(https?|Check|Retries|ForceIPv|Allow)' >"$root/etc/apt/apt.conf.d/90here"
    sed -n 's/.*"\(\/[^"]*\)";$/\1/p' "$root/etc/apt/apt.conf.d/90here" >"$root/paths"
    cp -a /etc/apt/auth.conf /etc/apt/auth.conf.d "$root/etc/apt/" 2>/dev/null
    cp -a /usr/local/share/ca-certificates "$root/usr/local/share/" 2>/dev/null
    chroot "$root" update-ca-certificates >/dev/null
    for path in /etc/pip.conf ~/.config/pip/pip.conf ~/.pip/pip.conf; do
        [ ! -f "$path" ] || cat "$path" >>"$root/etc/pip.conf"
    done
    compgen -e | grep -E "$PASS_ON" | while read -r name; do
        printf '%s=%s\n' "$name" "${!name}" >>"$root/settings"
        echo "${!name}" >>"$root/paths"
    done
    while read -r path; do # files and folders that they name
        [[ $path == /* && -e $path && ! -e $root$path ]] && cp -a --parents "$path" "$root"
    done <"$root/paths"
    rm "$root/paths"
}

base() { # RELEASE ROOT: a minimal system with what its owner had to have to get here
    local release=$1 root=$2 here mirror security
    # shellcheck disable=SC1091
    here=$(. /etc/os-release && echo "${VERSION_CODENAME:-none}")
    mirror=$(source_of "$here") security=$(source_of "$here-security")
    debootstrap --variant=minbase --force-check-gpg --keyring="$KEYRING" --include=ca-certificates,git,make,sudo \
        "$release" "$root" ${mirror:+"$mirror"} || return 1
    [ -z "$mirror" ] || echo "deb $mirror $release-updates main" >>"$root/etc/apt/sources.list"
    [ -z "$security" ] || echo "deb $security $release-security main" >>"$root/etc/apt/sources.list"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no service starts in here
    chmod 755 "$root/usr/sbin/policy-rc.d"
    settings "$root"
    chroot "$root" useradd --create-home --shell /bin/bash newcomer
    echo 'newcomer ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/newcomer"
    cp -a "$root" "$root.user" && mounts "$root" && mounts "$root.user"
}

mounts() { # ROOT
    mount -t proc proc "$1/proc" && mount -t sysfs -o ro sysfs "$1/sys" && mount -t tmpfs tmpfs "$1/dev/shm" &&
        mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$1/dev/pts"
}

within() { # ROOT USER FOLDER COMMAND: as a login would have it
    local home=/home/newcomer path=/usr/local/bin:/usr/bin:/bin variables=()
    [ "$2" != root ] || { home=/root path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; }
    [ ! -f "$1/settings" ] || mapfile -t variables <"$1/settings"
    chroot "$1" runuser -u "$2" -- env -i "HOME=$home" "USER=$2" "PATH=$path" LANG=C.UTF-8 TERM=dumb "${variables[@]}" \
        ${MAKE_JOBS:+"MAKEFLAGS=-j$MAKE_JOBS"} bash -c "cd $3 && $4" </dev/null
}

step() { # NAME COMMAND...: a result, and how long it took; the output is in $LOG.part
    local name=$1 start=$SECONDS status
    shift
    "$@" >"$LOG.part" 2>&1
    status=$?
    { echo "==== $name"; cat "$LOG.part"; } >>"$LOG"
    if [ $status -eq 0 ]; then
        echo "ok - $name ($((SECONDS - start)) s)"
    else
        echo "not ok - $name: status $status after $((SECONDS - start)) s"
        tail -25 "$LOG.part" | sed 's/^/# /'
    fi
    return $status
}

quiet() { # TEXT: nothing was looked for in vain
    ! grep -E 'pkg-config.*not found|command not found|undefined reference|No such file|[Pp]ackage .* was not found' <<<"$1"
}

none_of() { # ROOT PACKAGE...: none is installed
    local root=$1
    shift
    ! chroot "$root" dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | grep '^installed'
}

files() { # ROOT: all that packages could leave behind
    (cd "$1" && find etc lib usr opt -xdev ! -path 'etc/ld.so.cache' ! -path 'etc/apt/*' ! -name '*.pyc' ! -name '*.cache' | sort)
}

# As somebody has them who does not build espota.
packages() { # RELEASE ROOT: the packages made in ROOT, in a second system
    local user_root=$2.user apt="apt-get -q -y --no-install-recommends"
    within "$user_root" root / "apt-get -q update" && files "$user_root" >"$LOG.before" || return 1
    within "$user_root" root / "$apt install ./espota_*.deb ./libespota0_*.deb ./libespota-dev_*.deb gcc libc6-dev pkg-config" || return 1
    within "$user_root" newcomer /home/newcomer "espota plan --flash 4M && ls -l /usr/share/man/man1/espota-flash.1.gz &&
        grep -l 303a /lib/udev/rules.d/60-espota.rules /usr/lib/udev/rules.d/60-espota.rules;
        gcc -o plan /usr/share/doc/libespota-dev/examples/plan.c \$(pkg-config --cflags --libs espota) && ./plan" || return 1
    within "$user_root" root / "$apt autoremove --purge espota libespota0 libespota-dev gcc libc6-dev pkg-config" || return 1
    files "$user_root" | comm -13 "$LOG.before" - >"$LOG.left"
    cat "$LOG.left"
    ! grep -i espota "$LOG.left"
}

# In a folder that has the program, and no library, shell or anything else.
alone() { # PROGRAM FOLDER
    mkdir -p "$2" && cp "$1" "$2/espota" && chroot "$2" /espota plan --flash 4M --binary /table.bin &&
        chroot "$2" /espota table /table.bin
}

# In name spaces of its own, which take mounts and processes along when they end.
inside() { # RELEASE USER ROOT
    local release=$1 user=$2 root=$3 folder command first=1
    folder=$([ "$user" = root ] && echo /srv/espota || echo /home/newcomer/espota)
    step "$release: a pristine system" base "$release" "$root" || return 1
    git clone -q --bare --no-hardlinks "$TOP" "$root/srv/espota.git" && chroot "$root" chown -R "$user" /srv/espota.git
    step "$release: clone" within "$root" "$user" / "git clone -q /srv/espota.git $folder" || return 1
    while read -r command; do
        step "$release: as $user: $command" within "$root" "$user" "$folder" "$command" || return 1
        step "$release: $command: looks for nothing in vain" quiet "$(cat "$LOG.part")"
        [ $first = 0 ] || step "$release: $command: installs nothing that only tests need" none_of "$root" "${ONLY_FOR_CHECK[@]}"
        first=0
    done < <(awk '/^## / { here = $0 == "## Set-up" } here && /^    make .*deps/' "$root$folder/README.md")
    step "$release: as $user: make deps deb" within "$root" "$user" "$folder" "DEB_BUILD_OPTIONS=nocheck make deps deb" &&
        cp "$root$folder"/build/deb/*.deb "$root.user/" && step "$release: packages come and go" packages "$release" "$root"
    if [ "$release" = trixie ]; then
        echo "ok - $release: make deps static # SKIP Debian 13's libdw.a wants functions that no library there has (eu_tsearch)"
    else
        step "$release: as $user: make deps static" within "$root" "$user" "$folder" "make deps static" &&
            step "$release: the static program needs nothing" alone "$root$folder/build/static/espota" "$root/srv/alone"
    fi
    command=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$LOG" | tail -1)
    grep '^skipped: ' "$LOG" | sed 's/^/# /'
    # the stubs' bytes are those of one compiler, which only one of the releases has, and in a chroot there can be no other
    # network; all else there is
    other=$(grep -cE '^skipped: .* # SKIP (another compiler: |no network of its own: |ESPOTA_PY does not name it|Node.js has it not|not root)' "$LOG" || true)
    step "$release: no other test is skipped: $command" test "$(sed 's/.*failed, //' <<<"$command")" = "$other skipped"
}

if [ "${1:-}" = --inside ]; then
    LOG=$5
    inside "$2" "$3" "$4"
    exit
fi

cannot=
command -v debootstrap >/dev/null || [ -x /usr/sbin/debootstrap ] || cannot="debootstrap is not installed: make deps check-fresh"
[ -r "$KEYRING" ] || cannot="the package debian-archive-keyring is not installed: make deps check-fresh"
[ "$(id -u)" -eq 0 ] || cannot="only root can make a system: sudo make check-fresh"
[ -n "$cannot" ] || unshare --mount --pid --fork true 2>/dev/null || cannot="there can be no name spaces here"
if [ -n "$cannot" ]; then
    for run in "$@"; do echo "ok - ${run%%:*} # SKIP $cannot"; done
    echo "check-fresh: 0 passed, 0 failed, $# skipped"
    exit 0
fi

rm -rf --one-file-system "${SCRATCH:?}"/*
child=
end() { # whatever is left: the name spaces end with their first process, mounts and all
    [ -z "$child" ] || { kill -KILL "$child" && wait "$child"; } 2>/dev/null
    rm -rf --one-file-system "$SCRATCH"/*.root "$SCRATCH"/*.root.user
}
trap end EXIT
trap 'exit 130' INT TERM
[ -z "$(git status --porcelain)" ] || echo "# what is not committed is not in the clones"
for run in "$@"; do
    IFS=: read -r release user jobs <<<"$run"
    : >"$SCRATCH/$release.tap"
    MAKE_JOBS=$jobs unshare --mount --pid --fork --kill-child "$0" --inside "$release" "$user" "$SCRATCH/$release.root" \
        "$SCRATCH/$release.log" </dev/null >"$SCRATCH/$release.tap" 2>&1 &
    child=$!
    tail -n +1 -f --pid="$child" "$SCRATCH/$release.tap" &
    wait "$child"
    wait
    child=
    rm -rf --one-file-system "$SCRATCH/$release.root" "$SCRATCH/$release.root.user"
done
skipped=$(cat "$SCRATCH"/*.tap | grep -c '^ok .*# SKIP')
passed=$(($(cat "$SCRATCH"/*.tap | grep -c '^ok ') - skipped)) failed=$(cat "$SCRATCH"/*.tap | grep -c '^not ok ')
sed -n 's/^ok - \(.*: as .*\)/check-fresh: \1/p' "$SCRATCH"/*.tap
echo "check-fresh: $passed passed, $failed failed, $skipped skipped; all that was said is in $SCRATCH"
[ "$failed" -eq 0 ] && [ "$passed" -ge $((10 * $#)) ]
