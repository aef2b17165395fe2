#!/usr/bin/env bash
# Install the Debian packages whose program is missing, and only those.
#
#   infra/local/install_missing.sh TEST PACKAGE [TEST PACKAGE]...
#
# TEST is a command line that succeeds when the program is there. A package's own service
# is neither started nor stopped: Corral runs servers of its own on free ports.
set -euo pipefail
cd "$(dirname "$0")/../.."
. infra/local/say.sh
PATH=$PATH:/usr/sbin # where Debian keeps mariadbd, also for users who lack it

POLICY=/usr/sbin/policy-rc.d

missing=()
while [ $# -ge 2 ]; do
    bash -c "$1" >/dev/null 2>&1 || missing+=("$2")
    shift 2
done
[ ${#missing[@]} -gt 0 ] || exit 0

say "not on this machine: ${missing[*]}"
command -v apt-get >/dev/null ||
    fail "no apt-get here: install them with your system's package manager, then try again"
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null ||
        fail "run this, then try again: sudo apt-get install ${missing[*]}"
    say "installing as root, through sudo"
    again=()
    for package in "${missing[@]}"; do again+=(false "$package"); done
    exec sudo -n "$PWD/infra/local/install_missing.sh" "${again[@]}"
fi

# 101 is "forbidden by policy": no service starts, and none fails for want of an init.
if [ ! -e "$POLICY" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
    trap 'rm -f "$POLICY"' EXIT
fi
say "installing with apt-get: ${missing[*]} (a minute or two)"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
{
    apt-get update -q &&
        apt-get install -q -y --no-install-recommends "${missing[@]}"
} >"$log" 2>&1 </dev/null || {
    tail -20 "$log" >&2
    fail "apt-get failed; all it said is in $log"
}
rm -f "$log"
say "installed: ${missing[*]}"
