#!/usr/bin/env bash
# Install the Debian packages named as arguments, those that are missing; through sudo when not root. Those behind
# --optional may fail to install: what needs them is skipped.
set -euo pipefail

missing=() optional=() into=missing
for package in "$@"; do
    if [ "$package" = --optional ]; then
        into=optional
        continue
    fi
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] && continue
    if [ $into = missing ]; then missing+=("$package"); else optional+=("$package"); fi
done
if [ ${#missing[@]} -eq 0 ] && [ ${#optional[@]} -eq 0 ]; then
    echo "deps: all packages are there"
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "deps: this is no Debian system; install the equivalents of: ${missing[*]} ${optional[*]}" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "deps: run this as root, or install sudo" >&2; exit 1; }
    as_root=(sudo)
fi
install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}
echo "deps: installing" "${missing[@]}" "${optional[@]}"
"${as_root[@]}" apt-get update -q
[ ${#missing[@]} -eq 0 ] || install "${missing[@]}"
if [ ${#optional[@]} -eq 0 ] || install "${optional[@]}"; then exit 0; fi
for package in "${optional[@]}"; do # one that there is not must not keep the others out
    install "$package" || echo "deps: $package cannot be installed: what needs it is skipped" >&2
done
