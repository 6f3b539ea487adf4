#!/bin/sh
# The MLflow server, everything it keeps in /mlflow; with a login if MLFLOW_ADMIN_PASSWORD is given.
set -eu
set -- --host 0.0.0.0 --port 5051 --workers 1 --backend-store-uri sqlite:////mlflow/mlflow.db \
    --artifacts-destination /mlflow/artifacts --serve-artifacts
if [ -n "${MLFLOW_ADMIN_PASSWORD:-}" ]; then
    umask 077
    cat >/tmp/login.ini <<END
[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:////mlflow/users.db
admin_username = $MLFLOW_ADMIN_USERNAME
admin_password = $MLFLOW_ADMIN_PASSWORD
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
END
    MLFLOW_FLASK_SERVER_SECRET_KEY=$(python -c 'import secrets; print(secrets.token_hex(32))')
    export MLFLOW_FLASK_SERVER_SECRET_KEY MLFLOW_AUTH_CONFIG_PATH=/tmp/login.ini
    set -- "$@" --app-name basic-auth
fi
exec mlflow server "$@"
