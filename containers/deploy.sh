# Serve another run without a failed request: the replicas of the API one after the other, then the consumer. Sourced by stack.sh.

# deploy RUN [TABLE]: of a further table its pin in RUN_IDS is changed, of the first RUN_ID.
deploy() {
    local wanted=${1-${RUN_ID}} table=${2:-} before pins
    need_serve
    use_images "$(images_in_use)"
    # Not from the env file: where git brought a new one, it holds the wanted run already.
    before=$(cat "$memory/run-id" 2>/dev/null || env_file_value RUN_ID)
    pins=$(env_file_value RUN_IDS)
    if [ -n "$table" ]; then before=$(pin_of "$table" "$pins"); fi
    if [ -n "$wanted" ]; then
        say "Checking that run $wanted exists and its bundle scores its golden records as it did"
        check_bundle "$wanted" "$table" "$pins" ||
            fail "Nothing was changed: ${before:-the champion} is still served${table:+ of $table}."
    fi
    write_run "$wanted" "$table" "$pins"
    if move_to_pinned; then
        remember_run_id
        printf '%s' "$before" >"$memory/previous-run-id${table:+-$table}"
        say "Deployed: ${table:+of $table }RUN_ID $(served "$table") is served"
        return
    fi
    say "It is not healthy after ${READY_SECONDS:-60} s. Putting back ${before:-the champion}"
    write_run "$before" "$table" "$pins"
    READY_SECONDS=60 move_to_pinned || fail "The previous model is not healthy either. See its log: make logs env=$mode name=serve-api-a"
    fail "RUN_ID $wanted was not deployed; ${before:-the champion} is served again."
}

# The table that --table names among arguments; nothing if it does not.
table_of() { while [ $# -gt 0 ]; do [ "$1" != --table ] || { printf '%s' "$2"; return; }; shift; done; }

# The run that the env file pins, of the first table or of the one that is named; nothing if the champion is followed.
pinned() {
    local run
    run=$(pin_of "${1:-:}" "$(env_file_value RUN_IDS)")
    if [ -z "$run" ] && { [ -z "${1:-}" ] || [ "$1" = "$(in_worker python -m tabular.tables </dev/null | head -1)" ]; }; then
        run=$(env_file_value RUN_ID)
    fi
    printf '%s' "$run"
}

# Back to the pin, or to the champion, that was served before the last deploy.
undo_deploy() {
    local before=$memory/previous-run-id${1:+-$1}
    [ -f "$before" ] || fail "There is no earlier deploy${1:+ of $1} from this folder to roll back."
    deploy "$(cat "$before")" "${1:-}"
}

check_bundle() {
    local first=$1 pins=$3
    if [ -n "$2" ]; then first=$(env_file_value RUN_ID) pins=$(with_pin "$2" "$1" "$3"); fi
    serve run --rm --no-deps -T -e STATE_DIR=/tmp -e "RUN_ID=$first" -e "RUN_IDS=$pins" serve-kinesis python -m server.scoring.check_bundle
}

# The pins of RUN_IDS, TABLE=RUN by commas: the run of one table, and all of them with another run for it.
pin_of() { printf '%s' "$2" | tr ',' '\n' | sed -n "s/^ *$1=//p"; }
with_pin() {
    local others
    others=$(printf '%s' "$3" | tr ',' '\n' | grep -v "^ *$1=" | paste -sd, -) || true
    printf '%s' "$others${others:+${2:+,}}${2:+$1=$2}"
}

# The runs of the env file are served from now on. A container is healthy when it serves what it was given.
move_to_pinned() {
    local service
    # Not RUN_ID as it was given: it may be of a further table.
    export RUN_ID RUN_IDS
    RUN_ID=$(env_file_value RUN_ID) RUN_IDS=$(env_file_value RUN_IDS)
    for service in serve-api-a serve-api-b serve-kinesis; do
        say "Replacing $service"
        HEALTHY_SECONDS=${READY_SECONDS:-60} start serve "$service" || return 1
    done
}

# Fails unless the API serves the run that it should.
healthy() {
    local found
    found=$(served) && [ -z "$RUN_ID" -o "$found" = "$RUN_ID" ] || fail "The API does not serve ${RUN_ID:-the champion}: ${found:-it does not respond}."
    say "The API serves RUN_ID $found"
}

# The run that is served, of the first table or of the one that is named.
served() {
    serve exec -T serve-api-a python -c "
import json, sys, urllib.request
found = json.load(urllib.request.urlopen('http://serve-api:9696/health/ready', timeout=5))
print((found['tables'][sys.argv[1]] if sys.argv[1] else found)['model_run_id'])" "${1:-}"
}

remember_run_id() { mkdir -p "$memory" && printf '%s' "$RUN_ID" >"$memory/run-id"; }

write_run_id() { write_value RUN_ID "$1"; }

write_run() { if [ -n "$2" ]; then write_value RUN_IDS "$(with_pin "$2" "$1" "$3")"; else write_run_id "$1"; fi; }

write_value() {
    sed "s|^$1=.*|$1=$2|" "$env_file" >"$env_file.new" && cat "$env_file.new" >"$env_file" && rm "$env_file.new"
}

need_serve() {
    [ -n "$(serve ps -q serve-api)" ] || fail "The servers are not running. Start them: make setup-model-serve env=$mode"
}
