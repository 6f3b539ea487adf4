#!/bin/sh
# Verify each model that an env file names, or its table's champion: deploy/verify-model.sh .env.cloud
# The addresses and logins of MLflow and the bucket are in the environment; nothing of the stack has to run here.
set -eu
value() { sed -n "s/^$1=//p" "$env_file"; }
env_file=$1 status=0
for name in CONTRACT TABLES MODEL_NAME RUN_ID RUN_IDS; do export "$name=$(value "$name")"; done
cd "$(dirname "$0")/.."
tables=$(.venv/bin/python -m tabular.tables)
for table in $tables; do
    .venv/bin/python -m model_orchestration.measurement --table "$table" || status=$?
done
exit "$status"
