#!/bin/sh
# The Prefect worker: creates its pool, registers the flows with their schedules, and waits for runs.
set -eu
prefect --no-prompt work-pool create churn --type process --overwrite
for folder in model_orchestration reporting server/files; do
    prefect --no-prompt deploy --all --prefect-file "$folder/prefect.yaml"
done
python -m model_orchestration.deployments.schedules prefect
python -m model_orchestration.interrupted_runs
exec prefect worker start --pool churn --name compose --with-healthcheck
