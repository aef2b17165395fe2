#!/usr/bin/env bash
# Install what the tests run against, where it is missing: servers, a browser, and the
# clients that cannot stand in .venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
infra/local/install_missing.sh \
    "command -v mariadbd && command -v mariadb-install-db" mariadb-server \
    "command -v redis-server" redis-server \
    "command -v curl" curl \
    "command -v chromium" chromium \
    "command -v node" nodejs \
    "command -v npm" npm
exec infra/local/setup_clients.sh
