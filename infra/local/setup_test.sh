#!/usr/bin/env bash
# Install the servers and the browser that the tests run against, where they are missing.
set -euo pipefail
exec "$(dirname "$0")/install_missing.sh" \
    "command -v mariadbd && command -v mariadb-install-db" mariadb-server \
    "command -v redis-server" redis-server \
    "command -v curl" curl \
    "command -v chromium" chromium
