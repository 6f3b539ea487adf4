# Compose over the two files, and what is asked of running containers. Sourced by stack.sh.

check_docker() {
    docker info >/dev/null 2>&1 || fail "Docker does not respond. Is it installed and running, and may you use it? Try: docker info"
    [[ $(docker compose up --help 2>/dev/null) == *--wait-timeout* ]] ||
        fail "Docker Compose 2.20 or newer is not installed. See https://docs.docker.com/compose/install/"
}

registry() { docker compose -p "$STACK_NETWORK-registry" -f docker-compose-model-registry.yml "$@"; }
serve() { docker compose -p "$STACK_NETWORK-serve" -f docker-compose-serve.yml "$@"; }

# What Docker says while it works is shown only if it fails.
quietly() {
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then rm "$log"; return; fi
    tail -40 "$log" >&2
    rm "$log"
    return 1
}

# Starts services of one half (all of them if none is named), and waits until their health checks pass.
# Never with --no-deps: Compose 2.26 takes a service that was started so for a changed one, and the next start of all
# recreates every such service at once, both replicas of the API with them.
start() {
    local service health
    if quietly "$1" up -d --wait --wait-timeout "${HEALTHY_SECONDS:-240}" "${@:2}"; then return; fi
    while read -r service health; do
        if [ "$health" != healthy ]; then "$1" logs --tail 15 "$service" >&2 </dev/null; fi
    done < <("$1" ps -a --format '{{.Service}} {{.Health}}')
    return 1
}

start_all() { start "$@" || fail "Not every container is healthy. For more of a log: make logs env=$mode name=SERVICE"; }

page() { printf 'http://%s:%s' "$UI_HOST" "$1"; }

is_running() { [ -n "$(registry ps -q)" ]; }

need_registry() {
    [ -n "$(registry ps -q worker)" ] ||
        fail "The registry is not running: MLflow, the streams and the network '$STACK_NETWORK' are missing. Start it first: make setup-model-registry env=$mode"
}

# The run that the alias champion of a table (the first, if none is named) stands on; fails if there is none.
champion() { in_worker python -m model_orchestration.champion "${1:-}" </dev/null; }

# A command in a running container is no child of its first process: it needs the secrets handed to it, too.
with_secrets() { "$1" exec -T "$2" sh containers/entrypoint.sh "${@:3}"; }
# The table and the model are those of this command, whatever the worker was started with.
in_worker() { with_secrets registry worker env CONTRACT="$CONTRACT" TABLES="$TABLES" MODEL_NAME="$MODEL_NAME" "$@"; }
