# Another model without a failed request: the replicas of the API one after the other, then the consumer. Sourced by stack.sh.

replicas=(serve-api-a serve-api-b)

deploy() {
    local wanted=${1-${RUN_ID}} before
    need_serve
    # Not from the env file: where git brought a new one, it holds the wanted run already.
    before=$(cat "$memory/run-id" 2>/dev/null || env_file_value RUN_ID)
    if [ -n "$wanted" ]; then
        say "Checking that run $wanted exists and its bundle scores its golden records as it did"
        serve run --rm --no-deps -T -e STATE_DIR=/tmp -e "RUN_ID=$wanted" serve-kinesis python -m server.scoring.check_bundle ||
            fail "Nothing was changed: ${before:-the champion} goes on."
    fi
    write_run_id "$wanted"
    if move_to "$wanted"; then
        remember_run_id
        printf '%s' "$before" >"$memory/previous-run-id"
        say "Deployed: /health/ready shows RUN_ID $(served)"
        return
    fi
    say "It does not come up. Putting back ${before:-the champion}"
    write_run_id "$before"
    READY_SECONDS=60 move_to "$before" || fail "The old model does not come up either: see make logs env=$mode"
    fail "RUN_ID $wanted was not deployed; ${before:-the champion} answers again."
}

rollback() {
    [ -f "$memory/previous-run-id" ] || fail "There is nothing to go back to: no deploy was made from here."
    deploy "$(cat "$memory/previous-run-id")"
}

move_to() {
    local one
    export RUN_ID=$1
    for one in "${replicas[@]}"; do
        say "Replacing $one"
        quietly serve up -d --no-deps "$one" && until_ready "$one" 9696/health/ready "$1" || return 1
    done
    say "Replacing serve-kinesis"
    quietly serve up -d --no-deps serve-kinesis && until_ready serve-kinesis 8086/metrics "$1"
}

# Asks inside the container, for a healthcheck of every five seconds is too slow here.
until_ready() {
    local began=$SECONDS id
    id=$(serve ps -q "$1")
    while [ $((SECONDS - began)) -lt "${READY_SECONDS:-60}" ]; do
        if docker exec "$id" python -c "
import sys, urllib.request
sys.exit('$3' not in urllib.request.urlopen('http://localhost:$2', timeout=3).read().decode())" 2>/dev/null; then return; fi
        sleep 0.5
    done
    serve logs --tail 15 "$1" >&2
    return 1
}

# The API answers, and with the run that it should have.
healthy() {
    local found
    found=$(served) && [ -z "$RUN_ID" -o "$found" = "$RUN_ID" ] || fail "The API does not answer with ${RUN_ID:-the champion}: ${found:-no answer}."
    say "The API answers with RUN_ID $found"
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
    [ -n "$(serve ps -q serve-api)" ] || fail "The servers are not up. Start them: make setup-model-serve env=$mode"
}
