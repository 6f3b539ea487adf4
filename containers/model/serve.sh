#!/bin/sh
# The API of an image with a model inside, as a container platform starts it: it says by PORT where to listen.
set -eu
export API_HOST="${API_HOST:-0.0.0.0}" API_PORT="${PORT:-${API_PORT:-9696}}" API_WORKERS="${API_WORKERS:-${WEB_CONCURRENCY:-1}}"
# Without the address of a store predictions stay in this container: the API says so when it starts, and in /health/ready.
if [ -z "${MONGO_URI:-}" ]; then export PREDICTION_STORE="${PREDICTION_STORE:-file}"; fi
# Some platforms choose the user, whom the image's folder does not belong to.
if [ ! -w "$STATE_DIR" ]; then
    echo "$STATE_DIR cannot be written by the user with the id $(id -u): /tmp/state takes its place." >&2
    export STATE_DIR=/tmp/state
fi
exec gunicorn --config server/gunicorn.conf.py "server.api.app:create_app()"
