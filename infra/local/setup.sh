#!/usr/bin/env bash
# Make .venv from uv.lock, on a machine that has nothing but Python.
#
#   infra/local/setup.sh [GROUP...]     with these dependency groups; default: dev
#
# uv is the one on the PATH, or a copy from PyPI in .uv. An existing .venv keeps what else
# it holds, so `make demo` takes nothing away from a developer.
set -euo pipefail
cd "$(dirname "$0")/../.."
. infra/local/say.sh
. infra/local/find_uv.sh

find_python() {
    local name
    for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    fail "Corral needs Python 3.11 or newer. Install one, or name it: make setup PYTHON=/path/to/python3"
}

# Debian splits ensurepip off Python (python3-venv), and forbids pip to install into the
# system (PEP 668). So: a venv with pip where that works, else the system's pip into a
# folder, which PEP 668 allows, else ask apt for what is missing.
install_uv() {
    say "getting uv from PyPI into .uv"
    rm -rf .uv
    if "$1" -c 'import ensurepip' 2>/dev/null; then
        "$1" -m venv .uv
        .uv/bin/pip --quiet --disable-pip-version-check install uv
    elif "$1" -m pip --version >/dev/null 2>&1; then
        "$1" -m pip --quiet --disable-pip-version-check install --target .uv uv
    else
        say "this Python has neither ensurepip nor pip"
        infra/local/install_missing.sh "'$1' -c 'import ensurepip'" python3-venv
        "$1" -m venv .uv
        .uv/bin/pip --quiet --disable-pip-version-check install uv
    fi
    echo '*' >.uv/.gitignore
}

python=$(find_python)
uv=$(find_uv)
if [ -z "$uv" ]; then
    install_uv "$python"
    uv=.uv/bin/uv
fi

groups=()
for group in "${@:-dev}"; do groups+=(--group "$group"); done
# Only for a new .venv: an existing one keeps its Python.
[ -x .venv/bin/python ] || export UV_PYTHON="$python"
say "syncing .venv with uv.lock ($("$uv" --version), groups: ${*:-dev})"
UV_PYTHON_DOWNLOADS=never "$uv" sync --quiet --frozen --inexact --no-default-groups "${groups[@]}"
say "ready: $(.venv/bin/python --version) in .venv"
