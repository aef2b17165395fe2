# shellcheck shell=sh
# What the containers of this project are doing, as `make up` shows it.

# One line each: service, state, health, exit status.
states() {
    docker compose ps --all --format '{{.Service}} {{.State}} {{or .Health "-"}} {{.ExitCode}}' 2>/dev/null | sort -u
}

# Those that ended badly, start over and over, or are not healthy.
unwell() {
    states | awk '$2 == "exited" && $4 != 0 || $2 == "restarting" || $2 == "dead" \
        || $3 == "unhealthy" || slow == "yes" && $3 == "starting" { print $1 }' \
        slow="$(grep -q 'not healthy after' "$1" && echo yes)" - | sort -u
}

# Say of each service when it starts and when it is well, until a process ends.
follow() {
    before=
    begun=$(date +%s)
    while :; do
        going=yes
        kill -0 "$1" 2>/dev/null || going=
        now=$(states | awk '
            $2 == "exited" && $4 == 0 { print $1 " is done" }
            $2 == "exited" && $4 != 0 { print $1 " ended with status " $4 }
            $2 == "restarting" { print $1 " ended and is started again" }
            $2 == "running" && $3 == "starting" { print $1 " has started" }
            $2 == "running" && ($3 == "healthy" || $3 == "unhealthy") { print $1 " is " $3 }')
        printf '%s\n' "$now" | while read -r line; do
            case "
$before
" in *"
$line
"*) ;; *) [ -z "$line" ] || printf '%4d s  %s\n' "$(($(date +%s) - begun))" "$line" >&2 ;; esac
        done
        before=$now
        [ -n "$going" ] || return 0
        sleep 1
    done
}
