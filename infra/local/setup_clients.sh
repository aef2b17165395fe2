#!/usr/bin/env bash
# Install the clients that the tests call Corral with and that cannot stand in .venv, each
# as its lock file says, when that is newer than the last time.
set -euo pipefail
cd "$(dirname "$0")/../.."
. infra/local/say.sh
. infra/local/find_uv.sh

NPM=tests/clients/npm
LITELLM=tests/clients/litellm
LITELLM_VENV=.test/litellm # named by the test, too

if [ "$NPM/package-lock.json" -nt "$NPM/node_modules/.package-lock.json" ]; then
    say "installing the clients of $NPM"
    npm ci --prefix "$NPM" --no-audit --no-fund --loglevel=error >&2
fi

if [ "$LITELLM/uv.lock" -nt "$LITELLM_VENV/.synced" ]; then
    say "installing the client of $LITELLM"
    UV_PROJECT_ENVIRONMENT="$PWD/$LITELLM_VENV" UV_PYTHON="$PWD/.venv/bin/python" \
        UV_PYTHON_DOWNLOADS=never "$(find_uv)" sync --quiet --frozen --project "$LITELLM"
    touch "$LITELLM_VENV/.synced"
fi
