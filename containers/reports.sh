#!/bin/sh
# Nginx over the reports, as an ordinary user; for the hosts in ALLOWED_HOSTS, with a login if REPORTS_PASSWORD is set.
set -eu
mkdir -p "$RUN_DIR"
REPORTS_NAMES=$(printf %s "${ALLOWED_HOSTS:-localhost,127.0.0.1,[::1]}" | tr ',' ' ')
if [ "$REPORTS_NAMES" = '*' ]; then REPORTS_NAMES='~^'; fi
export REPORTS_NAMES
envsubst '$REPORTS_HOST $REPORTS_PORT $REPORTS_NAMES $REPORTS_DIR $RUN_DIR' </nginx.conf >"$RUN_DIR/nginx.conf"
if [ -n "${REPORTS_PASSWORD:-}" ]; then
    umask 077
    printf '%s:{PLAIN}%s\n' "$REPORTS_USERNAME" "$REPORTS_PASSWORD" >"$RUN_DIR/users"
    printf 'auth_basic "Reports";\nauth_basic_user_file %s;\n' "$RUN_DIR/users" >"$RUN_DIR/login.conf"
fi
exec nginx -p "$RUN_DIR" -c "$RUN_DIR/nginx.conf" -g 'daemon off;'
