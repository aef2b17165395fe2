#!/bin/sh
# `make up`: build and start the containers, wait until they are healthy, say where they
# are. It needs nothing but Docker.
#
#   COMPOSE_FILE, COMPOSE_PROJECT_NAME   as Compose itself reads them
#   CORRAL_ENV_FILE                      another file than .env
#   CORRAL_UP_TIMEOUT                    seconds to wait for health (300)
#   DEV=1                                with docker-compose.dev.yml
set -eu
cd "$(dirname "$0")/../.."
. infra/local/say.sh
. infra/compose/states.sh

CORRAL_ENV_FILE=${CORRAL_ENV_FILE:-.env}
export CORRAL_ENV_FILE COMPOSE_ENV_FILES="$CORRAL_ENV_FILE"
timeout=${CORRAL_UP_TIMEOUT:-300}

check_docker() {
    command -v docker >/dev/null ||
        fail "docker is not installed; see https://docs.docker.com/engine/install/ (or run without it: make demo)"
    docker compose version >/dev/null 2>&1 ||
        fail "docker has no compose plugin; see https://docs.docker.com/compose/install/"
    problem=$(docker info 2>&1 >/dev/null) ||
        fail "the Docker engine does not answer: $problem"
}

# Which files, unless somebody has said so: with GPUs where the engine can hand them out.
# The choice is kept in the environment file, so that `docker compose` by hand agrees.
choose_files() {
    gpu=infra/gpu/docker-compose.gpu.yml
    if [ "${DEV:-0}" != 0 ]; then
        export COMPOSE_FILE=docker-compose.yml:docker-compose.dev.yml
    elif [ -z "${COMPOSE_FILE:-}$(setting COMPOSE_FILE)" ] &&
        docker info --format '{{json .Runtimes}}' | grep -q '"nvidia"'; then
        say "the engine has the NVIDIA runtime: GPUs are used ($gpu)"
        echo "COMPOSE_FILE=docker-compose.yml:$gpu" >>"$CORRAL_ENV_FILE"
    fi
}

# A simulated answer must say so on every page.
look_at_ollama() {
    image=$(docker compose config --images ollama)
    label='{{index .Config.Labels "corral.simulated"}}'
    simulated=$(docker image inspect --format "$label" "$image" 2>/dev/null || true)
    [ "$simulated" != true ] || export UI_SIMULATED=true
}

start() {
    docker compose up --detach --wait --wait-timeout "$timeout" --remove-orphans \
        >"$log" 2>&1 &
    starting=$!
    follow "$starting"
    wait "$starting"
}

diagnose() {
    grep -iE 'error|failed|unhealthy|not healthy|denied' "$log" | tail -5 | sed 's/^ */up: /' >&2 || true
    for service in $(unwell "$log"); do
        say ""
        say "$service is not well; the end of its log:"
        docker compose logs --no-log-prefix --tail 20 "$service" 2>&1 | sed 's/^/    /' >&2
    done
    say ""
    if grep -q 'address already in use' "$log"; then
        say "Something else uses a port. Choose others in $CORRAL_ENV_FILE: CORRAL_API_PORT=…, CORRAL_UI_PORT=…"
    fi
    if grep -qE 'pull access denied|failed to resolve|not found|lookup .* on|i/o timeout|Interrupted' "$log"; then
        say "An image could not be fetched. Without Ollama's own, answers can be simulated:"
        say "    docker build -t $image -f infra/ollama-sim/Dockerfile ."
    fi
    fail "Not everything is healthy. Repair it and run make up again; what is healthy stays. All logs: $(compose_words) logs"
}

compose_words() {
    [ "$CORRAL_ENV_FILE" = .env ] && echo "docker compose" ||
        echo "docker compose --env-file $CORRAL_ENV_FILE"
}

setting() { sed -n "s/^$1=//p" "$CORRAL_ENV_FILE" | tail -1; }

address() { docker compose port "$1" "$2" | sed 's/^0\.0\.0\.0:/127.0.0.1:/'; }

welcome() {
    api=http://$(address app 5001)
    model=$(setting MODEL_PRELOAD_LIST | cut -d, -f1)
    user=$(setting CORRAL_ADMIN_USER)
    answers="come from Ollama; its first download of a model may take some minutes"
    [ "${UI_SIMULATED:-}" != true ] || answers="are SIMULATED: $image is the simulator"
    cat <<END

Corral is healthy. Open http://$(address streamlit_app 8501) and sign in as ${user:-admin}.

  Password in $CORRAL_ENV_FILE, which only you can read; show it with:
           grep CORRAL_ADMIN_PASSWORD $CORRAL_ENV_FILE
           (until you change it; for others: docker compose exec app corral users create)
  API      $api   (read about it at $api/docs)
  Key      likewise: grep CORRAL_ADMIN_KEY $CORRAL_ENV_FILE
  Answers  $answers
  Logs     make logs          End it: make down

Paste this to stream an answer:

  curl -N $api/api/v1/jobs \\
    -H "Authorization: Bearer \$(sed -n 's/^CORRAL_ADMIN_KEY=//p' $CORRAL_ENV_FILE)" \\
    -H 'Accept: text/event-stream' -H 'Content-Type: application/json' \\
    -d '{"kind": "chat", "model": "${model:-qwen3:0.6b}", "request": {"messages": [{"role": "user", "content": "Why is the sky blue?"}]}}'

END
}

check_docker
infra/compose/secrets.sh "$CORRAL_ENV_FILE"
choose_files
log=$(mktemp)
trap 'rm -f "$log"' EXIT
say "building the images; the first time takes some minutes"
# A terminal sees how it goes; a log would get every line of every step.
quiet=
[ -t 2 ] || quiet=--quiet
docker compose build $quiet || fail "an image could not be built (above)"
look_at_ollama
say "starting; the first start of the database takes longest"
start || diagnose
welcome
