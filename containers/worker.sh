#!/bin/sh
# The Prefect worker: creates its pool, registers the flows with their schedules, and waits for runs.
set -eu
prefect --no-prompt work-pool create churn --type process --overwrite
for folder in model_orchestration reporting server/files; do
    prefect --no-prompt deploy --all --prefect-file "$folder/prefect.yaml"
done
first=1
for table in $(printf '%s' "${TABLES:-}" | tr ',' ' '); do
    [ "$first" = 1 ] || sh model_orchestration/deploy-table.sh "$(basename "$table" .toml)" prefect
    first=
done
python -m model_orchestration.interrupted_runs
exec prefect worker start --pool churn --name compose --with-healthcheck
