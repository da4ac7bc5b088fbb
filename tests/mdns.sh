# A network of its own for a test of mDNS: a namespace in which there is a loopback interface, with a D-Bus and an Avahi
# daemon of its own. To be sourced after lib.sh by a test that is run as a program.
# shellcheck shell=bash

missing_for_mdns() { # the first program that is not there
    local program
    for program in dbus-daemon avahi-daemon avahi-publish avahi-browse unshare python3; do
        command -v "$program" >/dev/null || PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || { echo "$program" && return; }
    done
}

THIS_TEST=$(realpath "$0")

# own_network: run the test in a network of its own, or say with a skip why it cannot be had, and end.
own_network() {
    local missing how
    [ -z "${TEST_NETWORK:-}" ] || return 0
    missing=$(missing_for_mdns)
    if [ -n "$missing" ]; then
        skip "mDNS, with an Avahi daemon" "$missing is not installed"
        exit 0
    fi
    for how in -mn -rmn; do
        if unshare $how mount -t tmpfs tmpfs /run 2>/dev/null; then
            cd "$ROOT" && rm -rf "$WORK"
            TEST_NETWORK=1 exec unshare $how bash "$THIS_TEST"
        fi
    done
    skip "mDNS, with an Avahi daemon" "no network of its own: unshare makes no namespaces here"
    exit 0
}

loopback_up() {
    python3 - <<'PY'
import fcntl, socket, struct
name, up = b"lo", 0x1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    flags, = struct.unpack("16xh14x", fcntl.ioctl(s, 0x8913, struct.pack("16sh14x", name, 0)))
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", name, flags | up))
PY
}

start_bus() {
    cat >"$WORK/bus.conf" <<XML
<busconfig>
  <type>system</type>
  <listen>unix:path=$WORK/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
XML
    dbus-daemon --config-file="$WORK/bus.conf" --nofork --nopidfile 2>"$WORK/bus.log" &
    PIDS+=($!)
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$WORK/bus
    wait_until 20 test -S "$WORK/bus"
}

start_avahi() { # AVAHI_PID
    cat >"$WORK/avahi.conf" <<INI
[server]
host-name=bench
use-ipv4=yes
use-ipv6=yes
allow-interfaces=lo
ratelimit-interval-usec=1000000
ratelimit-burst=100000
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
[rlimits]
INI
    PATH=$PATH:/usr/sbin avahi-daemon -f "$WORK/avahi.conf" --no-drop-root --no-rlimits --no-chroot --no-proc-title >"$WORK/avahi.log" 2>&1 &
    AVAHI_PID=$!
    PIDS+=("$AVAHI_PID")
    wait_for "$WORK/avahi.log" "Server startup complete" || not_ok "an Avahi daemon starts" "$(cat "$WORK/avahi.log" "$WORK/bus.log")"
}

# avahi-daemon hands its folder to the user avahi, who must be one that there is in this namespace.
own_users() {
    printf '%s\n' 'root:x:0:0:root:/:/bin/sh' 'avahi:x:0:0:avahi:/:/bin/sh' >"$WORK/passwd"
    printf '%s\n' 'root:x:0:' 'avahi:x:0:' >"$WORK/group"
    mount --bind "$WORK/passwd" /etc/passwd && mount --bind "$WORK/group" /etc/group
}

# network_up: all of it, in the namespace that own_network made.
network_up() {
    mount -t tmpfs tmpfs /run && own_users && loopback_up && start_bus && start_avahi
}

# publish ARGS...: of avahi-publish, until the test ends.
publish() {
    avahi-publish "$@" >>"$WORK/publish.log" 2>&1 &
    PIDS+=($!)
}

# heard NAME: Avahi's own tool has found it.
heard() { avahi-browse -apt 2>/dev/null | grep -qF -- ";$1;"; }
