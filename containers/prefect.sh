#!/bin/sh
# The Prefect server. Whoever may ask it can have it run commands: without a login it does not start.
set -eu
: "${PREFECT_SERVER_API_AUTH_STRING:?is missing: it comes from the secret prefect_auth_string}"
exec prefect server start --host 0.0.0.0 --port 4200
