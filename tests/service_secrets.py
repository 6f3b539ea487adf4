"""Which secrets each container may have, and no other: one row a service, by the names of the files in it."""

from __future__ import annotations

AWS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
MLFLOW = {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"}
API = {"API_KEY", "MONGO_URI"} | MLFLOW

SECRETS_BY_SERVICE: dict[str, set[str]] = {
    "mlflow": {f"MLFLOW_{who}_{what}" for who in ("ADMIN", "READER") for what in ("USERNAME", "PASSWORD")}
    | {"MLFLOW_BACKEND_STORE_URI"}
    | AWS,  # empty unless its bundles are in a bucket
    "prefect": {"PREFECT_SERVER_API_AUTH_STRING", "PREFECT_SERVER_DATABASE_CONNECTION_URL"},
    "postgres": {f"POSTGRES_PASSWORD{of}" for of in ("", "_MLFLOW", "_PREFECT")},
    "worker": {"MONGO_URI", "PREFECT_API_AUTH_STRING", "ALERT_WEBHOOK_URL"} | MLFLOW | AWS,
    "localstack": set(),
    "front-page": {"MONGO_URI"},
    "reports": {"REPORTS_USERNAME", "REPORTS_PASSWORD"},
    "registry-proxy": set(),
    "serve-api": set(),
    "serve-tls": {"TLS_CERTIFICATE", "TLS_KEY"},
    "serve-api-a": API,
    "serve-api-b": API,
    "serve-kinesis": {"MONGO_URI"} | MLFLOW | AWS,
    "mongo": {"MONGO_USERNAME", *(f"MONGO_PASSWORD{of}" for of in ("", "_SERVERS", "_FLOWS", "_MONITOR", "_SHADOW"))},
    "serve-shadow": {"MONGO_URI"} | MLFLOW,
    "monitor": {"MONGO_URI", "MONITOR_PREFECT_AUTH_STRING"} | MLFLOW,  # an alarm starts a flow
    "prometheus": {"API_KEY"},  # the API's metrics ask for it
    "alertmanager": {"ALERTMANAGER_CONFIG"},  # whom it tells, with the address and the password for it
    "grafana": {"GRAFANA_USERNAME", "GRAFANA_PASSWORD"},
    "serve-proxy": set(),
    "send_data-api": {"API_KEY"} | AWS,  # the rows come out of the bucket
    "send_data-kinesis": AWS,
}

# What stands behind a name that several services have, by the file of containers/secrets.sh.
LEAST_PRIVILEGE: dict[tuple[str, str], str] = {
    ("serve-api-a", "MONGO_URI"): "mongo_uri_servers",
    ("serve-api-b", "MONGO_URI"): "mongo_uri_servers",
    ("serve-kinesis", "MONGO_URI"): "mongo_uri_servers",
    ("serve-shadow", "MONGO_URI"): "mongo_uri_shadow",
    ("monitor", "MONGO_URI"): "mongo_uri_monitor",
    ("front-page", "MONGO_URI"): "mongo_uri_monitor",
    ("worker", "MONGO_URI"): "mongo_uri_flows",
    ("mlflow", "AWS_ACCESS_KEY_ID"): "mlflow_aws_access_key_id",
    ("mlflow", "AWS_SECRET_ACCESS_KEY"): "mlflow_aws_secret_access_key",
    ("worker", "MLFLOW_TRACKING_PASSWORD"): "mlflow_password",
    ("serve-shadow", "MLFLOW_TRACKING_PASSWORD"): "mlflow_password",
    **{
        (service, "MLFLOW_TRACKING_PASSWORD"): "mlflow_reader_password"
        for service in ("serve-api-a", "serve-api-b", "serve-kinesis", "monitor")
    },
}
