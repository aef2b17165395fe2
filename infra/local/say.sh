# shellcheck shell=bash
# How the scripts of this folder speak: to stderr, so that stdout stays a value.
say() { printf '%s %s\n' "$(basename "$0" .sh):" "$*" >&2; }
fail() {
    say "$*"
    exit 1
}
