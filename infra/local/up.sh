#!/usr/bin/env bash
# Start the containers, with an .env of generated secrets if there is none yet.
set -euo pipefail
cd "$(dirname "$0")/../.."
. infra/local/say.sh
read -ra compose <<<"${COMPOSE:-docker compose}"

command -v "${compose[0]}" >/dev/null ||
    fail "there is no ${compose[0]} here. Install Docker, or run Corral without it: make demo"

infra/local/write_env.sh .env.example .env
say "building and starting; the first time takes some minutes"
if ! "${compose[@]}" up --build --detach --wait --remove-orphans; then
    "${compose[@]}" ps --all >&2 || true
    fail "not all became healthy; this shows why: make logs"
fi

api=$("${compose[@]}" port app 5001)
ui=$("${compose[@]}" port streamlit_app 8501)
cat <<END

Corral is ready. Open http://$ui and log in with a key.

  API      http://$api   (read about it at http://$api/docs)
  Key      the first administrator's is in .env: grep CORRAL_ADMIN_KEY .env
           one for somebody else: ${compose[*]} exec app corral keys create --help
  Logs     make logs
  The end  make down
END
