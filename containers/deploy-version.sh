# Put another version of the code live without a failed request, as another run is. Sourced by stack.sh.

# deploy_version TAG: the replicas of the API one after the other, each checked; then everything else of our own code.
deploy_version() {
    local before
    [[ $1 =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || fail "VERSION=$1 is not the tag of an image, such as v1.2.0. Nothing was changed."
    need_serve
    before=$(images_in_use)
    keep_run
    # Where git brought an env file that names no registry, the last one is meant.
    export IMAGE_TAG=$1 REGISTRY=${REGISTRY:-${before%"${before##*/}"}}
    fetch_images
    say "Checking that the code of $1 scores the golden records of what is served as they were"
    check_bundle "$(env_file_value RUN_ID)" "" "$(env_file_value RUN_IDS)" || fail "Nothing was changed: ${before##*/} still runs."
    say "Trying the API of $1 where no request reaches it"
    try_api || fail "Nothing was changed: ${before##*/} still runs."
    use_images "$REGISTRY$1"
    if move_to_version; then
        remember_images
        say "Deployed: ${before##*/} was replaced by $1. To go back: make deploy env=$mode VERSION=${before##*/}"
        return
    fi
    say "$1 does not work: see above. Putting back ${before##*/}"
    use_images "$before"
    READY_SECONDS=60 move_to_version || fail "The previous version is not healthy either. See its log: make logs env=$mode name=serve-api-a"
    fail "VERSION $1 was not deployed; ${before##*/} runs again."
}

# The model is no part of a version: where git brought another RUN_ID, the one that is served stays.
keep_run() { [ ! -f "$memory/run-id" ] || write_run_id "$(cat "$memory/run-id")"; }

# Every container of our own code gets the image that IMAGE_TAG names. What calls the API follows it, the flows come last.
move_to_version() {
    local service
    export RUN_ID RUN_IDS
    RUN_ID=$(env_file_value RUN_ID) RUN_IDS=$(env_file_value RUN_IDS)
    for service in serve-api-a serve-api-b serve-kinesis serve-shadow monitor; do
        say "Replacing $service"
        HEALTHY_SECONDS=${READY_SECONDS:-60} start serve "$service" || return 1
        case $service in serve-api-*) responds_as_trained "$service" || return 1 ;; esac
    done
    say "Replacing what is left of the servers, then MLflow, Prefect and its worker"
    start serve && start registry
}

# The API of the new code in a container that Nginx does not know: what accepts connections and never responds would hold requests.
# Its predictions are kept nowhere.
try_api() {
    serve run --rm --no-deps -T -e STATE_DIR=/tmp/trial -e PREDICTION_STORE=none serve-api-a sh -c \
        'mkdir -p /tmp/trial; gunicorn --config server/gunicorn.conf.py "server.api.app:create_app()" & end=$(($(date +%s) + 60)); while [ "$(date +%s)" -lt "$end" ]; do sleep 1; python -m server.scoring.check_responses 2>/tmp/said && exit; done; cat /tmp/said >&2; exit 1' </dev/null
}

# Does a replica respond to golden records with the very scores that they had when the model was made?
responds_as_trained() { with_secrets serve "$1" python -m server.scoring.check_responses </dev/null; }
