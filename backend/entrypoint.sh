#!/bin/sh
# The image's entrypoint: entrypoint.sh api | worker | beat | migrate | shell
#
# Anything else is run as it is, such as `corral doctor`. Each role replaces this shell,
# so that it hears the engine's signals itself.
set -eu
cd "$(dirname "$0")/.."

# Each open stream is a file, and the usual soft limit of 1024 is soon reached.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true

role=${1:-api}
[ $# -eq 0 ] || shift

# Development only: wait for no debugger, but let one attach at this address.
debugger=
[ -z "${CORRAL_DEBUGGER:-}" ] ||
    debugger="-X frozen_modules=off -m debugpy --listen $CORRAL_DEBUGGER"

case $role in
api)
    # prometheus-client shares its numbers between processes through files here; those of
    # an earlier start would be counted twice.
    export PROMETHEUS_MULTIPROC_DIR="${PROMETHEUS_MULTIPROC_DIR:-/tmp/prometheus}"
    rm -rf "$PROMETHEUS_MULTIPROC_DIR"
    mkdir -p "$PROMETHEUS_MULTIPROC_DIR"
    # shellcheck disable=SC2086 # several words, or none
    exec python $debugger -m gunicorn -c backend/gunicorn.conf.py backend.wsgi:app "$@"
    ;;
worker | beat)
    # shellcheck disable=SC2086
    exec python $debugger -m worker.main "$role"
    ;;
migrate) exec corral migrate "$@" ;;
shell) exec sh "$@" ;;
*) exec "$role" "$@" ;;
esac
