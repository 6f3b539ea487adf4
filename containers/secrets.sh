# The secrets of the services, one file each, which Compose mounts where they are used. Sourced by stack.sh.
# The files are readable by all, since each service has its own user; only the owner can enter their folder.

. containers/alertmanager.sh

write_secrets() {
    check_addresses
    secrets=$memory/secrets
    (umask 077 && mkdir -p "$secrets") && chmod 700 "$secrets"
    make_users
    put api_key "$API_KEY"
    put mongo_username "$MONGO_USERNAME"
    put mongo_password "$MONGO_PASSWORD"
    put mongo_uri_servers "$(store_uri servers "$MONGO_URI")"
    put mongo_uri_flows "$(store_uri flows "$MONGO_URI")"
    put mongo_uri_monitor "$(store_uri monitor "${MONGO_MONITOR_URI:-$MONGO_URI}")"
    put mongo_uri_shadow "$(store_uri shadow "$MONGO_URI")"
    put mlflow_username "$MLFLOW_TRACKING_USERNAME"
    put mlflow_password "$MLFLOW_TRACKING_PASSWORD"
    put mlflow_reader_username "$mlflow_reader"
    put mlflow_backend_uri "$(database_uri mlflow "$MLFLOW_BACKEND_URI")"
    put prefect_database_uri "$(database_uri prefect "$PREFECT_DATABASE_URI" | sed 's/^postgresql:/postgresql+asyncpg:/')"
    local uses_bucket=
    if [ -n "$MLFLOW_ARTIFACTS_DESTINATION" ]; then uses_bucket=1; fi
    put mlflow_aws_access_key_id "${uses_bucket:+$AWS_ACCESS_KEY_ID}"
    put mlflow_aws_secret_access_key "${uses_bucket:+$AWS_SECRET_ACCESS_KEY}"
    if [ -n "$PREFECT_AUTH_STRING" ]; then put prefect_auth_string "$PREFECT_AUTH_STRING"; else generate prefect_auth_string prefect:; fi
    put_file tls_certificate TLS_CERTIFICATE
    put_file tls_key TLS_KEY
    put alert_webhook_url "${ALERT_WEBHOOK_URL:-}"
    local config
    config=$(alertmanager_config)
    put alertmanager_config "$config"
    put aws_access_key_id "$AWS_ACCESS_KEY_ID"
    put aws_secret_access_key "$AWS_SECRET_ACCESS_KEY"
    put reports_username "$REPORTS_USERNAME"
    put reports_password "$REPORTS_PASSWORD"
    put grafana_username "$GRAFANA_USERNAME"
    put grafana_password "$GRAFANA_PASSWORD"
}

# The users of the services: generated once and kept; empty if the store or MLflow has no login.
make_users() {
    local role
    for role in servers flows monitor shadow; do
        if has_own_store_users; then generate "mongo_password_$role"; else put "mongo_password_$role" ""; fi
    done
    for role in postgres_password postgres_password_mlflow postgres_password_prefect; do
        if has_own_postgres; then generate "$role"; else put "$role" ""; fi
    done
    mlflow_reader=
    if [ -n "$MLFLOW_TRACKING_PASSWORD" ]; then
        mlflow_reader=servers
        generate mlflow_reader_password
    else
        put mlflow_reader_password ""
    fi
}

has_own_store_users() { [ -n "$MONGO_PASSWORD" ] && [ -z "$MONGO_URI" ]; }

# The store's address with the login of a service's user, unless an address was given.
store_uri() {
    if has_own_store_users; then printf 'mongodb://%s:%s@mongo:27017/?authSource=admin' "$1" "$(cat "$secrets/mongo_password_$1")"
    else printf '%s' "$2"; fi
}

has_own_postgres() { [[ ,${COMPOSE_PROFILES:-}, == *,postgres,* ]]; }

check_addresses() {
    local name
    for name in MLFLOW_BACKEND_URI PREFECT_DATABASE_URI; do
        case ${!name} in '' | postgresql://?*) ;; *) fail "$name must begin with postgresql://, or be empty." ;; esac
    done
    case $MLFLOW_ARTIFACTS_DESTINATION in '' | s3://?*) ;; *) fail "MLFLOW_ARTIFACTS_DESTINATION must begin with s3://, or be empty." ;; esac
}

# The address of a server's database: as it was given, or in the stack's own PostgreSQL; empty for SQLite.
database_uri() {
    if [ -n "$2" ]; then printf '%s' "$2"
    elif has_own_postgres; then printf 'postgresql://%s:%s@postgres:5432/%s' "$1" "$(cat "$secrets/postgres_password_$1")" "$1"; fi
}

# In place, because running containers have this very file mounted.
put() {
    [ ! -e "$secrets/$1" ] || chmod 644 "$secrets/$1"
    printf '%s' "$2" >"$secrets/$1"
    chmod 444 "$secrets/$1"
}

# The file that a setting names, where the profile tls is started; else an empty secret.
put_file() {
    if ! has_tls; then put "$1" ""; return; fi
    [ -n "${!2}" ] || fail "COMPOSE_PROFILES has tls, and $2 is empty: it must name a PEM file, such as the one of Let's Encrypt."
    [ -r "${!2}" ] || fail "$2=${!2} cannot be read. Is it there, and may you read it?"
    grep -q -- '-----BEGIN ' "${!2}" || fail "$2=${!2} is no PEM file: it has no line with BEGIN."
    put "$1" "$(cat "${!2}")"
}

has_tls() { [[ ,${COMPOSE_PROFILES:-}, == *,tls,* ]]; }

# Writes a random secret of this name, with an optional prefix, unless it exists.
generate() { [ -s "$secrets/$1" ] || put "$1" "${2:-}$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"; }

# Creates the users of the services in the store, or updates their passwords.
make_store_users() {
    has_own_store_users || return 0
    say "Creating the users of the store"
    start_all serve mongo
    quietly serve exec -T mongo mongosh --quiet --norc /users.js
}

# MLflow and Prefect do not start without their databases.
make_databases() {
    has_own_postgres || return 0
    say "Starting PostgreSQL, with the databases of MLflow and Prefect"
    start_all registry postgres
    quietly registry exec -T postgres sh /databases.sh
}

# The ledger is in the store, which runs before the servers where a training is entered; with another address it is elsewhere.
need_store() {
    if has_own_store_users; then make_store_users; elif [[ $MONGO_URI == *//mongo:* ]]; then start_all serve mongo; fi
}
