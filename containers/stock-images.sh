#!/bin/sh
# Every public image that the stack is made of, one a line.
cd "$(dirname "$0")/.."
{
    sed -n 's/^FROM \([^ ]*\).*/\1/p' Dockerfile mlflow/Dockerfile
    sed -n 's/^ *image: //p' docker-compose-model-registry.yml docker-compose-serve.yml | grep -v churn-
} | sort -u
