# shellcheck shell=bash
# Which uv the scripts of this folder use: the one on the PATH, or the copy in .uv.
UV_AT_LEAST=0.5.0 # the first with dependency groups that include others

is_recent_uv() {
    local version
    version=$("$1" --version 2>/dev/null | cut -d' ' -f2) && [ -n "$version" ] &&
        [ "$(printf '%s\n' "$UV_AT_LEAST" "$version" | sort -V | head -1)" = "$UV_AT_LEAST" ]
}

find_uv() {
    local candidate
    for candidate in uv .uv/bin/uv; do
        if is_recent_uv "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}
