#!/usr/bin/env bash
# The stack in containers: containers/stack.sh local|cloud COMMAND. The Makefile's targets with env=local|cloud call it.
# It needs Docker with Compose 2 and nothing else: what it runs, it runs inside the containers.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=$1 command=${2:-status}
shift 2 || shift $#

. containers/environment.sh
. containers/secrets.sh
. containers/compose.sh
. containers/deploy.sh
. containers/deploy-version.sh
. containers/own-images.sh
. containers/pinned-images.sh

run() {
    setup_registry && init_aws && train_every_table && start_serve
    say "Sending 400 requests, so that there is something to report"
    with_secrets serve send_data-api python -m simulation_business.send_data_api --url http://serve-api:9696 --count 400 --rate 100 --label-delay 0
    report && status
}

images() { build_images registry serve; }

setup_registry() {
    mkdir -p data
    provide_images registry
    make_databases
    say "Starting MLflow, Prefect, its worker and the report pages"
    start_all registry
}

init_aws() {
    need_registry
    local table=${DATASET_CSV:-} name
    # The file that was last given for this contract, as long as it is there; without it the last version is kept.
    if [ -z "$table" ] && [ -f "$(remembered_table)" ]; then table=$(cat "$(remembered_table)"); [ -f "$table" ] || table=; fi
    if [ -n "$table" ]; then
        [ -f "$table" ] || fail "DATASET_CSV=$table: there is no such file."
        name=$(basename "$table")
        registry exec -T worker sh -c 'mkdir -p /state/tables && cat >"/state/tables/$1"' - "$name" <"$table"
        in_worker env DATASET_CSV="/state/tables/$name" python -m model_orchestration.init_aws
        registry exec -T worker rm "/state/tables/$name" </dev/null
        mkdir -p "$memory/tables" && realpath "$table" >"$(remembered_table)"
    else
        in_worker python -m model_orchestration.init_aws
    fi
    save_localstack
}

remembered_table() { printf '%s/tables/%s' "$memory" "$(printf '%s' "$CONTRACT" | tr / _)"; }

# LocalStack loses its bucket when it stops; its start script restores what is saved here.
save_localstack() {
    [[ ,$COMPOSE_PROFILES, == *,localstack,* ]] || return 0
    registry exec -T localstack sh -c 'awslocal s3 sync --quiet "s3://$S3_BUCKET" "/saved/$S3_BUCKET"'
}

# A text as JSON: its backslashes and quotes escaped, its line breaks made spaces.
json_text() { printf '"%s"' "$(printf '%s' "$1" | tr '\n\t' '  ' | sed 's/\\/\\\\/g; s/"/\\"/g')"; }

train_every_table() {
    local table tables
    [ -n "$TABLES" ] || { train; return; }
    tables=$(in_worker python -m tabular.tables </dev/null)
    for table in $tables; do train train -- --table "$table" || return; done
}

train() {
    need_registry
    if [ "${1:-}" = retrain ]; then
        in_worker python -m model_orchestration.flow retrain "${@:3}"
        return
    fi
    # Of several tables the one that is named, or the first: what is trained is what is served.
    need_store
    local chosen="contract=\"$CONTRACT\"" table=
    [ "${3:-}" != --table ] || table=$4
    [ -z "$TABLES$table" ] || chosen="table=\"$table\""
    say "Training in the worker, through Prefect: $(page "$PREFECT_PORT")"
    in_worker prefect --no-prompt deployment run train/train --watch \
        --param if_changed=false --param "$chosen" --param "trials=$TRIALS" --param "seed=$SEED" \
        --param "time_budget_seconds=$TIME_BUDGET_SECONDS" --param "families=\"$FAMILIES\"" \
        ${ACCEPT:+--param "accept=$(json_text "$ACCEPT")"}
    save_localstack
    local serving
    if serving=$(champion "$table" 2>/dev/null); then say "The champion${table:+ of $table} is RUN_ID $serving"
    else say "No model${table:+ of $table} is champion yet: the gate rejected it, or with PROMOTION=manual you decide: make promote env=$mode RUN_ID=id why=\"the reason\""; fi
}

versions() {
    need_registry
    [ "${1:-}" != -- ] || shift
    if [ "$1" = checkout ]; then
        mkdir -p "$(dirname "$3")"
        in_worker python -m model_orchestration.data.version_commands checkout "$2" /state/tables/checkout "${@:4}"
        in_worker cat /state/tables/checkout </dev/null >"$3.draft" && mv "$3.draft" "$3"
        in_worker rm /state/tables/checkout </dev/null
        say "The bytes are in $3"
        return
    fi
    in_worker python -m model_orchestration.data.version_commands "$@"
    [ "$1" != name ] || save_localstack
}

harvest() {
    need_registry
    [ "${1:-}" != -- ] || shift
    in_worker python -m model_orchestration.data.harvest "$@"
    save_localstack
}

react() {
    need_registry
    in_worker prefect --no-prompt deployment run react/react --watch
    save_localstack
}

retention() {
    need_registry
    local name given=()
    for name in PREDICTIONS_DAYS SHADOW_DAYS REPORTS_DAYS VERSIONS RUNS_DAYS LEDGER_DAYS; do
        name=RETENTION_$name
        given+=("$name=${!name}")
    done
    in_worker env "${given[@]}" python -m model_orchestration.retention.flow ${1:+--dry} </dev/null
    save_localstack
}

report() {
    need_registry
    [ "${1:-}" != -- ] || shift
    if [ $# = 0 ]; then
        in_worker prefect --no-prompt deployment run report/report --watch
    else
        report_on "$@"
    fi
    say "The report is on the front page: $(page "$REPORTS_PORT")"
}

# What is named is reported on in the worker itself; a file is copied there for it.
report_on() {
    local given=() name
    while [ $# -gt 0 ]; do
        if [ "$1" = --file ]; then
            [ -f "$2" ] || fail "file=$2: there is no such file."
            name=/state/report-files/$(basename "$2")
            in_worker sh -c 'mkdir -p /state/report-files && cat >"$1"' - "$name" <"$2"
            given+=(--file "$name")
        else
            given+=("$1" "$2")
        fi
        shift 2
    done
    in_worker python -m reporting.flow "${given[@]}" </dev/null
}

labels() {
    need_registry
    [ "${1:-}" != -- ] || shift
    [ -f "$1" ] || fail "file=$1: there is no such file."
    in_worker sh -c 'cat >/state/labels.csv && python -m reporting.labels /state/labels.csv "$@"' - "${@:2}" <"$1"
}

# Scored in the worker, which keeps what is done there: the same command goes on where an earlier one was stopped.
score() {
    need_registry
    [ "${1:-}" != -- ] || shift
    local file=$1 out=$2 folder name
    shift 2
    [ -f "$file" ] || fail "file=$file: there is no such file."
    folder=/state/scoring/$(printf '%s' "$out" | sha256sum | cut -c1-16) name=$(basename "$out")
    in_worker sh -c 'mkdir -p "$1" && cat >"$1/rows.new" && { cmp -s "$1/rows.new" "$1/rows" || mv "$1/rows.new" "$1/rows"; }' - "$folder" <"$file"
    in_worker python -m server.files "$folder/rows" "$folder/$name" "$@" </dev/null
    mkdir -p "$(dirname "$out")"
    fetch_scores "$folder" "${name%.*}.summary.json" "$(dirname "$out")"
    rm -f "${out%.*}.faults.csv"
    if in_worker test -f "$folder/${name%.*}.faults.csv" </dev/null; then fetch_scores "$folder" "${name%.*}.faults.csv" "$(dirname "$out")"; fi
    fetch_scores "$folder" "$name" "$(dirname "$out")"
    in_worker rm -r "$folder" </dev/null
    say "The scores are in $out"
}

fetch_scores() { in_worker cat "$1/$2" </dev/null >"$3/.$2.draft" && mv "$3/.$2.draft" "$3/$2"; }

# Profiled in the worker, which reaches the feature store of this stack; file and contract are those of this machine.
profile() {
    need_registry
    [ "${1:-}" != -- ] || shift
    local csv='' contract='' out='' name others=() folder=/state/profile
    while [ $# -gt 1 ]; do
        case $1 in --csv) csv=$2 ;; --contract) contract=$2 ;; --out) out=$2 ;; *) others+=("$1" "$2") ;; esac
        shift 2
    done
    [ -z "$csv" ] || [ -f "$csv" ] || fail "csv=$csv: there is no such file."
    [ -z "$contract" ] || [ -f "$contract" ] || fail "CONTRACT=$contract: there is no such file."
    name=$(basename "${contract:-$csv}")
    [ -n "$out" ] || out=build/profiles/${name%%.*}.html
    [ -z "$csv" ] || { to_worker "$csv" "$folder" && others+=(--csv "$folder/$(basename "$csv")"); }
    [ -z "$contract" ] || { to_worker "$contract" "$folder" && others+=(--contract "$folder/$name"); }
    in_worker python -m reporting.table_profile "${others[@]}" --out "$folder/page.html" </dev/null | grep -v '^written'
    mkdir -p "$(dirname "$out")"
    in_worker cat "$folder/page.html" </dev/null >"$out"
    in_worker cat "$folder/page.json" </dev/null >"${out%.*}.json"
    in_worker rm -r "$folder" </dev/null
    say "The page is $out, its figures are in ${out%.*}.json"
}

to_worker() { in_worker sh -c 'mkdir -p "$1" && cat >"$1/$2"' - "$2" "$(basename "$1")" <"$1"; }

# For `make image`: the worker reaches the registry, and the image is built on this machine.
export_model() {
    need_registry
    [ "${1:-}" != -- ] || shift
    local folder=$1
    in_worker python -m server.scoring.export_model /state/image "${@:2}" </dev/null
    rm -rf "$folder" && mkdir -p "$folder"
    in_worker tar -c -C /state/image . </dev/null | tar -x --no-same-owner -C "$folder"
    in_worker rm -r /state/image </dev/null
}

docs_site() {
    need_registry
    tar -C build/docs-site -c . | in_worker sh -c "$(cat docs/site/publish.sh)" - /reports
    say "The site is in build/docs-site, and at $(page "$REPORTS_PORT")/docs/"
}

ledger() { need_registry; [ "${1:-}" != -- ] || shift; in_worker python -m tabular.ledger show "$@"; }
live() { need_registry; [ "${1:-}" != -- ] || shift; in_worker python -m tabular.ledger live "$@"; }
shadow() { need_registry; [ "${1:-}" != -- ] || shift; in_worker python -m server.shadow.past "$@"; }
# The worker is not told which run is pinned.
verify_model() {
    need_registry
    [ "${1:-}" != -- ] || shift
    local run
    run=$(pinned "$(table_of "$@")")
    in_worker python -m model_orchestration.measurement --run-id "$run" "$@"
}

replay() { need_registry; [ "${1:-}" != -- ] || shift; in_worker python -m tabular.replay "$@"; }

# The champion is what the servers follow, unless a run is pinned: then a promotion would change nothing that serves.
promote() {
    need_registry
    [ "${1:-}" != -- ] || shift
    local run
    run=$(pinned "$(table_of "$@")")
    [ -z "$run" ] ||
        fail "Nothing was changed: the servers do not follow the champion, for RUN_ID $run is pinned in $env_file. To serve another run: make deploy env=$mode RUN_ID=id. To follow the champion: make deploy env=$mode RUN_ID="
    in_worker python -m tabular.promotion promote "$@" && in_worker python -m reporting.history
}

rollback() {
    [ "${1:-}" != -- ] || shift
    local table
    table=$(table_of "$@")
    if [ -n "$(pinned "$table")" ]; then undo_deploy "$table"; return; fi
    need_registry
    in_worker python -m tabular.promotion rollback "$@" && in_worker python -m reporting.history
}

start_serve() {
    need_registry
    [ -n "$RUN_ID" ] || champion >/dev/null ||
        fail "There is no model to serve yet. Train one: make apply-model-train-flow env=$mode. With PROMOTION=manual, promote it then: make promote env=$mode RUN_ID=id why=\"the reason\""
    provide_images serve
    make_store_users
    start_all registry worker # it trains the table that is served: with other settings it is started anew
    say "Starting the API, the consumer, the store, the monitor, Prometheus, Grafana and what COMPOSE_PROFILES names"
    start_all serve
    remember_run_id
    remember_images
    status
}

# A renewed certificate is in use without an interruption.
renew_tls() {
    has_tls || fail "COMPOSE_PROFILES of $env_file does not have tls: the API is served without it."
    need_serve
    quietly serve exec -T serve-tls nginx -t -c /nginx.conf || fail "Nginx does not take the certificate: see above. The old one is still in use."
    quietly serve exec -T serve-tls nginx -c /nginx.conf -s reload
    say "The certificate of $TLS_CERTIFICATE is in use"
}

stop_serve() {
    quietly serve down
    say "The servers, the store and the monitor are stopped; their data are kept. The registry is still running."
}

status() {
    is_running || { say "Nothing is running."; return 3; }
    registry ps
    serve ps
    local name
    printf '\n'
    printf '%-14s %s\n' 'front page' "$(page "$REPORTS_PORT")"
    for name in API MLFLOW PREFECT GRAFANA MONITOR PROMETHEUS ALERTMANAGER EMULATOR; do
        local port=${name}_PORT
        printf '%-14s %s\n' "${name,,}" "$(page "${!port}")"
    done
    printf '%-14s mongodb://localhost:%s\n' store "$STORE_PORT"
    if has_tls; then printf '%-14s https://%s:%s\n' 'api with TLS' "$UI_HOST" "$TLS_PORT"; fi
    if [ "$mode" = local ] && [ -z "${PREFECT_AUTH_STRING:-}" ]; then say "The login of Prefect was generated at the first start: $memory/secrets/prefect_auth_string"; fi
}

logs() {
    [ "${1:-}" != -- ] || shift
    local follow=() newest=20000
    case " $* " in *" --follow "*) follow=(--follow) newest=50 ;; esac
    trap 'kill $(jobs -p) 2>/dev/null' EXIT
    # Merged and filtered in the worker, for nothing is installed here; as they are where it does not run.
    both_logs "$newest" "${follow[@]}" | {
        if [ -n "$(registry ps --quiet worker </dev/null)" ]; then in_worker python -u -m tabular.logs "$@"; else cat; fi
    }
}

both_logs() {
    registry logs --no-color --tail "$1" "${@:2}" & serve logs --no-color --tail "$1" "${@:2}" & wait
}

stop() {
    is_running || { say "Nothing was running."; return; }
    quietly serve down && quietly registry down
    say "Stopped; data are kept."
}

reset() {
    quietly serve down --volumes --remove-orphans && quietly registry down --volumes --remove-orphans
    rm -rf "$memory"
    [ -z "$(env_file_value RUN_ID)" ] || write_run_id ""
    say "Runs, models, predictions and reports were deleted."
}

case $command in
    run | images | setup-registry | init-aws | train | harvest | react | retention | report | labels | versions | score | profile | docs-site | export-model | start-serve | deploy | deploy-version | promote | rollback | ledger | live | verify-model | replay | shadow | healthy | renew-tls)
        load_environment; check_credentials; check_docker; write_secrets; fetch_pinned_images ;;
    status | logs | stop | stop-serve | reset)
        load_environment; fill_in_credentials; check_docker ;;
    *) fail "There is no command '$command'." ;;
esac
"${command//-/_}" "$@"
