# Compose over the two files, and what is asked of running containers. Sourced by stack.sh.

check_docker() {
    docker info >/dev/null 2>&1 || fail "Docker does not answer. Is it installed and running, and may you use it? Try: docker info"
    if [ -z "${COMPOSE:-}" ]; then
        COMPOSE="docker compose"
        docker compose version >/dev/null 2>&1 || COMPOSE=docker-compose
    fi
    $COMPOSE version >/dev/null 2>&1 || fail "Docker Compose is not installed. See https://docs.docker.com/compose/install/"
}

registry() { $COMPOSE -p "$STACK_NETWORK-registry" -f docker-compose-model-registry.yml "$@"; }
serve() { $COMPOSE -p "$STACK_NETWORK-serve" -f docker-compose-serve.yml "$@"; }

# What Docker says while it works is shown only if it fails.
quietly() {
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then rm "$log"; return; fi
    tail -40 "$log" >&2
    rm "$log"
    return 1
}

page() { printf 'http://%s:%s' "$UI_HOST" "$1"; }

running() { docker ps -q --filter "label=com.docker.compose.project=$STACK_NETWORK-registry"; }

health() { docker inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$1"; }

need_registry() {
    docker network inspect "$STACK_NETWORK" >/dev/null 2>&1 && [ -n "$(registry ps -q worker 2>/dev/null)" ] ||
        fail "The registry is not up: MLflow, the streams and the network '$STACK_NETWORK' are missing. Start it first: make setup-model-registry env=$mode"
}

# The run that the alias champion stands on; fails if there is none.
champion() { in_worker python -m model_orchestration.champion; }

# A command in a running container is no child of its first process: it needs the secrets handed to it, too.
with_secrets() { "$1" exec -T "$2" sh containers/entrypoint.sh "${@:3}"; }
# The table and the model are those of this command, whatever the worker was started with.
in_worker() { with_secrets registry worker env CONTRACT="$CONTRACT" MODEL_NAME="$MODEL_NAME" "$@"; }

wait_healthy() {
    local began=$SECONDS waiting id
    while :; do
        waiting=
        for id in $("$1" ps -q); do [ "$(health "$id")" = healthy ] || waiting="$waiting $id"; done
        if [ -z "$waiting" ]; then say "All healthy after $((SECONDS - began)) s"; return; fi
        if [ $((SECONDS - began)) -gt "${HEALTHY_SECONDS:-240}" ]; then break; fi
        sleep 0.5
    done
    for id in $waiting; do
        docker inspect -f '{{.Name}} is {{.State.Status}}, {{.State.Health.Status}}. The end of its log:' "$id" >&2
        docker logs --tail 15 "$id" >&2
    done
    fail "Not everything came up."
}
