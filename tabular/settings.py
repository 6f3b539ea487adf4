"""Every setting of every service, and the only place that reads the environment.

The defaults are the embedded mode's; an empty variable counts as unset; vendors' own (PREFECT_API_URL) stay theirs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from tabular.setting_groups.retention import RetentionSettings
from tabular.setting_groups.types import Count, CountOrNone, Lease, Port, Positive, PositiveOrNone, Seed
from tabular.setting_groups.values import checked, masked
from tabular.tables.files import contract_files
from tabular.tables.pins import PINS, pins_of

SECRETS = frozenset({"api_key", "prefect_auth_string", "monitor_prefect_auth_string", "alert_webhook_url"})


class Settings(RetentionSettings, frozen=True, kw_only=True):
    """The settings; each field is the environment variable of the same name in capitals."""

    run_id: str = ""
    """The MLflow run to serve, of the first table. Empty: follow the registry's alias `champion`."""

    run_ids: str = ""
    """The runs of further tables, as `taxi_rides=RUN,…`; the variable `RUN_ID_TAXI_RIDES` sets one of them."""

    contract: Path = Path("contracts/credit_card_churn.toml")
    """The contract file of the table, where there is one only, or of the one that a command is about."""

    tables: str = ""
    """The tables of this stack: names of contracts in `contracts`, or files, by commas. Empty: that of CONTRACT."""

    dataset_csv: str = ""
    """The table: CSV or Parquet. Empty: the one last named for it, the contract's in `data`, else synthetic data."""

    model_name: str = ""
    """The registered model's name in MLflow, of the first table. Empty: the contract's table name."""

    mlflow_tracking_uri: str = "http://127.0.0.1:5051"
    """The MLflow server."""

    aws_endpoint_url: str = ""
    """The S3 and Kinesis endpoint of an emulator. Empty: AWS itself."""

    aws_region: str = "us-east-1"
    """The region of the bucket and the streams."""

    s3_bucket: str = "feature-store"
    """The bucket of the feature store."""

    stream_predictions: str = "predictions"
    """The Kinesis stream that brings requests."""

    stream_results: str = "results"
    """The Kinesis stream that results are put on."""

    stream_dead_letters: str = "dead-letters"
    """The Kinesis stream for records that cannot be scored, with the reason."""

    stream_labels: str = "labels"
    """The Kinesis stream that brings true outcomes."""

    stream_shards: Count = 2
    """How many shards `init_aws` gives a new stream."""

    mongo_uri: str = "mongodb://127.0.0.1:27018"
    """The prediction store. What it acknowledges is in its journal, unless the address says otherwise (`?w=1`)."""

    mongo_database: str = "prediction_service"
    """The database in the prediction store."""

    prediction_store: Literal["mongo", "file", "none"] = "mongo"
    """Where the API keeps predictions: at `MONGO_URI`; `file`: under `STATE_DIR` alone, until that is full; `none`."""

    model_dir: str = ""
    """The folder of a model that came with the image (`make image`): no registry is asked. Empty: the registry's."""

    state_dir: Path = Path(".state")
    """Where a service keeps what must survive its restart: bundle copies, the outbox, caches."""

    allowed_hosts: str = "localhost,127.0.0.1,[::1]"
    """The names by which a service may be asked (the header `Host`), separated by commas, without ports; `*`: any."""

    api_host: str = "127.0.0.1"
    """The address the API listens on."""

    api_port: Port = 9696
    """The port the API listens on."""

    api_workers: Count = 2
    """How many gunicorn workers serve the API."""

    api_threads: Count = 1
    """How many threads each API worker has for batches; single rows are scored in its event loop."""

    api_max_queued_requests: Count = 256
    """How many requests may be queued in one API worker; those beyond get 503 with Retry-After at once."""

    api_key: str = ""
    """The key to ask for, as `Authorization: Bearer KEY` or `X-API-Key: KEY`, before predicting. Empty: none."""

    api_max_connections: Count = 800
    """How many connections one API worker keeps; beyond it the one goes that has waited longest without a request."""

    api_max_connections_per_peer: Count = 256
    """How many of them may come from one address; a proxy in front is one address."""

    api_keep_alive_seconds: Positive = 15.0
    """How long the API keeps a connection without a request. Behind a load balancer: longer than that does."""

    cors_origins: str = ""
    """The web pages that may read predictions, by exact origins with commas: `https://app.example.com`. Empty: none."""

    open_pages: bool = False
    """Whether `/metrics`, `/docs` and `/openapi.json` are shown without the key where there is one: `1` for yes."""

    outbox_max_bytes: Count = 2_000_000_000
    """The most disk the API's outbox takes while the store is down; beyond it the API responds 503."""

    outbox_sync: Literal["normal", "full"] = "normal"
    """What a prediction survives before it is stored: `normal` kill -9, `full` (slower) loss of power too."""

    max_body_bytes: Count = 5_000_000
    """The largest request body the API reads; a larger one is rejected with 413."""

    max_batch_rows: Count = 10_000
    """The most rows of one batch request."""

    model_refresh_seconds: Positive = 5.0
    """How often a server that follows the champion checks for a new one."""

    consumer_batch_records: Count = 500
    """The most records the consumer scores at once."""

    consumer_poll_seconds: Positive = 0.25
    """How long the consumer rests when a shard had nothing new."""

    consumer_name: str = ""
    """The consumer's name among those that share the stream; no two may have the same. Empty: host and process id."""

    lease_seconds: Lease = 10.0
    """How long a consumer that has gone silent keeps its shards: within this time others have taken them over."""

    consumer_metrics_host: str = "127.0.0.1"
    """The address on which the consumer shows its metrics."""

    consumer_metrics_port: Port = 8086
    """The port of the consumer's Prometheus metrics."""

    reports_dir: Path = Path(".state/reports")
    """The folder of the front page and the drift reports that Nginx hosts."""

    front_page_services: str = ""
    """What the front page asks whether it is up: `name=address|page` by commas; `api` and `monitor` are read, too."""

    front_page_interval_seconds: Positive = 10.0
    """How often the front page is written."""

    report_window_hours: Positive = 24.0
    """How many hours of predictions a report covers."""

    report_min_rows: Count = 300
    """The fewest predictions worth a report. A reference needs 100 rows."""

    report_max_rows: Count = 50_000
    """The most predictions a report reads, or 4 x REPORT_MIN_ROWS; of more, a uniform sample, and it says so."""

    trials: Count = 50
    """How many trials a sweep runs."""

    families: str = ""
    """Families of models a sweep chooses among, by commas: xgboost, forest, linear, lightgbm. Empty: the contract's."""

    seed: Seed = 42
    """The seed of the split and of the sweep."""

    run_tags: str = ""
    """Further tags of a training's runs and model version in MLflow: developer=ann,team=risk. Its own come first."""

    accept: str = ""
    """Why a model may be champion although a check holds it back: recorded with the model. For one training only."""

    time_budget_seconds: PositiveOrNone = 0.0
    """Stop proposing trials after this long; 0 means no limit."""

    sweep_workers: CountOrNone = 0
    """How many trials run side by side; 0 means one a core. With `SWEEP_PARALLELISM=rows` the result depends on it."""

    sweep_engine: Literal["local", "dask"] = "local"
    """Where the trials run: `local` threads, or a `dask` cluster. The result does not depend on it."""

    sweep_parallelism: Literal["trials", "rows"] = "trials"
    """What a Dask cluster divides: `trials`, or the `rows` of each: then the result depends on `SWEEP_WORKERS`."""

    dask_scheduler: str = ""
    """The scheduler of the Dask cluster, such as `tcp://10.0.0.5:8786`. Empty: one is started here."""

    flow_cache_dir: Path = Path(".state/flow-cache")
    """Where the flows keep finished step results, by content."""

    def __repr__(self) -> str:
        return masked(self, SECRETS)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises InvalidSetting naming the variable, its value and what is allowed."""
    source = os.environ if environ is None else environ
    given = {name: text for name in Settings.__struct_fields__ if (text := source.get(name.upper()))}
    if pins := pins_of(source):
        given[PINS] = pins
    if "tables" in given:  # the first of them is what a command is about that names none
        given["contract"] = str(contract_files(given["tables"])[0])
    return checked(given, Settings)


def with_values(settings: Settings, **given: object) -> Settings:
    """The settings with these fields replaced, None meaning "as it is"; raises InvalidSetting like `load_settings`."""
    replaced = {name: value for name, value in given.items() if value is not None}
    return checked(msgspec.structs.asdict(settings) | replaced, Settings)
