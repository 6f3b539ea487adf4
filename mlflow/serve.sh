#!/bin/sh
# The MLflow server. It keeps all in /mlflow, unless MLFLOW_BACKEND_STORE_URI and MLFLOW_ARTIFACTS_DESTINATION, which it reads
# itself, say where; its users are always there, for each start makes them. With logins if MLFLOW_ADMIN_PASSWORD is given: the
# administrator's, and one that may read everything, for the services that only serve models.
set -eu
export MLFLOW_BACKEND_STORE_URI="${MLFLOW_BACKEND_STORE_URI:-sqlite:////mlflow/mlflow.db}"
export MLFLOW_ARTIFACTS_DESTINATION="${MLFLOW_ARTIFACTS_DESTINATION:-/mlflow/artifacts}"
set -- --host 0.0.0.0 --port 5051 --workers 1 --serve-artifacts
if [ -n "${MLFLOW_ADMIN_PASSWORD:-}" ]; then
    umask 077
    cat >/tmp/login.ini <<'END_OF_INI'
[mlflow]
default_permission = READ
database_uri = sqlite:////mlflow/users.db
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
END_OF_INI
    MLFLOW_FLASK_SERVER_SECRET_KEY=$(python -c 'import secrets; print(secrets.token_hex(32))')
    export MLFLOW_FLASK_SERVER_SECRET_KEY MLFLOW_AUTH_CONFIG_PATH=/tmp/login.ini
    # MLflow takes the administrator's password at the first start alone, and makes nobody else: each start does both here.
    export MLFLOW_AUTH_ADMIN_USERNAME="$MLFLOW_ADMIN_USERNAME" MLFLOW_AUTH_ADMIN_PASSWORD="$MLFLOW_ADMIN_PASSWORD"
    python - <<'END_OF_PYTHON'
import os
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

store = SqlAlchemyStore()
store.init_db("sqlite:////mlflow/users.db")
for kind in ("ADMIN", "READER"):
    name, password = os.environ[f"MLFLOW_{kind}_USERNAME"], os.environ[f"MLFLOW_{kind}_PASSWORD"]
    if store.has_user(name):
        store.update_user(name, password=password, is_admin=kind == "ADMIN")
    else:
        store.create_user(name, password, is_admin=kind == "ADMIN")
END_OF_PYTHON
    unset MLFLOW_ADMIN_USERNAME MLFLOW_ADMIN_PASSWORD MLFLOW_READER_USERNAME MLFLOW_READER_PASSWORD
    set -- "$@" --app-name basic-auth
fi
exec mlflow server "$@"
