# Serve another run without a failed request: the replicas of the API one after the other, then the consumer. Sourced by stack.sh.

deploy() {
    local wanted=${1-${RUN_ID}} before
    need_serve
    # Not from the env file: where git brought a new one, it holds the wanted run already.
    before=$(cat "$memory/run-id" 2>/dev/null || env_file_value RUN_ID)
    if [ -n "$wanted" ]; then
        say "Checking that run $wanted exists and its bundle scores its golden records as it did"
        serve run --rm --no-deps -T -e STATE_DIR=/tmp -e "RUN_ID=$wanted" serve-kinesis python -m server.scoring.check_bundle ||
            fail "Nothing was changed: ${before:-the champion} is still served."
    fi
    write_run_id "$wanted"
    if move_to "$wanted"; then
        remember_run_id
        printf '%s' "$before" >"$memory/previous-run-id"
        say "Deployed: /health/ready shows RUN_ID $(served)"
        return
    fi
    say "It is not healthy after ${READY_SECONDS:-60} s. Putting back ${before:-the champion}"
    write_run_id "$before"
    READY_SECONDS=60 move_to "$before" || fail "The previous model is not healthy either. See its log: make logs env=$mode name=serve-api-a"
    fail "RUN_ID $wanted was not deployed; ${before:-the champion} is served again."
}

rollback() {
    [ -f "$memory/previous-run-id" ] || fail "There is no earlier deploy from this folder to roll back."
    deploy "$(cat "$memory/previous-run-id")"
}

# A container is healthy when it serves the run that it was given.
move_to() {
    local service
    export RUN_ID=$1
    for service in serve-api-a serve-api-b serve-kinesis; do
        say "Replacing $service"
        HEALTHY_SECONDS=${READY_SECONDS:-60} start serve --no-deps "$service" || return 1
    done
}

# Fails unless the API serves the run that it should.
healthy() {
    local found
    found=$(served) && [ -z "$RUN_ID" -o "$found" = "$RUN_ID" ] || fail "The API does not serve ${RUN_ID:-the champion}: ${found:-it does not respond}."
    say "The API serves RUN_ID $found"
}

served() {
    serve exec -T serve-api-a python -c "
import json, urllib.request
print(json.load(urllib.request.urlopen('http://serve-api:9696/health/ready', timeout=5))['model_run_id'])"
}

remember_run_id() { mkdir -p "$memory" && printf '%s' "$RUN_ID" >"$memory/run-id"; }

write_run_id() {
    sed "s/^RUN_ID=.*/RUN_ID=$1/" "$env_file" >"$env_file.new" && cat "$env_file.new" >"$env_file" && rm "$env_file.new"
}

need_serve() {
    [ -n "$(serve ps -q serve-api)" ] || fail "The servers are not running. Start them: make setup-model-serve env=$mode"
}
