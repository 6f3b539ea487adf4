#!/bin/sh
# The Prefect server; to it an empty login is a login that nobody has, so it gets none.
set -eu
[ -n "${PREFECT_SERVER_API_AUTH_STRING:-}" ] || unset PREFECT_SERVER_API_AUTH_STRING
exec prefect server start --host 0.0.0.0 --port 4200
