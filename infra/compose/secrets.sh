#!/bin/sh
# Write the secrets that the containers need into an environment file, readable by its
# owner only. What the file holds already stays, so this can be run again at will.
#
#   infra/compose/secrets.sh [FILE]     default: .env
set -eu

file=${1:-.env}
umask 077

# 40 characters of 62: 238 bits. Letters and digits need no quoting anywhere. What people
# type has 20: 119 bits.
random() { LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c "$1"; }

has() { grep -q "^$1=." "$file" 2>/dev/null; }

# An empty line of that name, as in a copy of .env.example, makes way.
put() {
    if grep -q "^$1=\$" "$file"; then
        sed "/^$1=\$/d" "$file" >"$file.new"
        cat "$file.new" >"$file"
        rm "$file.new"
    fi
    printf '%s=%s\n' "$1" "$2" >>"$file"
}

if [ ! -e "$file" ]; then
    printf '%s\n' \
        '# Secrets of this installation, generated. Keep a copy: the volumes need them.' \
        '# Every other setting may stand here too; .env.example lists them.' >"$file"
fi
if ! { [ -r "$file" ] && [ -w "$file" ]; }; then
    echo "secrets: $file cannot be read and written by $(id -un)" >&2
    exit 1
fi

added=
for name in CORRAL_ADMIN_KEY CORRAL_ADMIN_PASSWORD MYSQL_PASSWORD MYSQL_ROOT_PASSWORD REDIS_PASSWORD; do
    has "$name" && continue
    case $name in
    CORRAL_ADMIN_KEY) put "$name" "corral-$(random 40)" ;;
    CORRAL_ADMIN_PASSWORD) put "$name" "$(random 20)" ;;
    *) put "$name" "$(random 40)" ;;
    esac
    added="$added $name"
done
chmod 600 "$file"
[ -z "$added" ] || echo "secrets: generated in $file:$added" >&2
