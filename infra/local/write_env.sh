#!/usr/bin/env bash
# Write an .env from its example, with a generated value for each secret left empty there.
#
#   infra/local/write_env.sh EXAMPLE ENV
#
# A secret is a name that ends in _PASSWORD, _SECRET or _KEY. An .env that is there
# already is left as it is.
set -euo pipefail
. "$(dirname "$0")/say.sh"
example=$1
env=$2

[ ! -e "$env" ] || exit 0
[ -r "$example" ] || fail "$example is missing"

# Letters and digits only: such a value needs no quotes in a URL, a shell or YAML.
random() { head -c 256 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' | cut -c1-43; }

umask 077
unfinished=$(mktemp "$env.XXXXXX")
while IFS= read -r line || [ -n "$line" ]; do
    case $line in
    CORRAL_ADMIN_KEY=) line="${line}corral-$(random)" ;;
    '#'*) ;;
    *_PASSWORD= | *_SECRET= | *_KEY=) line="$line$(random)" ;;
    esac
    printf '%s\n' "$line"
done <"$example" >"$unfinished"
mv "$unfinished" "$env"
say "wrote $env with generated secrets; only you can read it"
