#!/bin/sh
# The Prefect server. Its clients can have the worker run commands, so it does not start without a login.
set -eu
: "${PREFECT_SERVER_API_AUTH_STRING:?is missing: it comes from the secret prefect_auth_string}"
exec prefect server start --host 0.0.0.0 --port 4200
