#!/bin/sh
# Registers the training of a further table, with the schedule of the first: sh deploy-table.sh TABLE prefect
set -eu
table=$1
shift
"$@" --no-prompt deploy model_orchestration/flow.py:train --name "train-$table" --pool churn --tag churn --tag training --tag "$table" \
    --cron "${TRAIN_CRON:-0 * * * *}" --param "table=$table" --param if_changed=true --concurrency-limit 1 --collision-strategy ENQUEUE
