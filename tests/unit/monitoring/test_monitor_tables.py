"""The monitor over several tables: each has its own window, runs, timestamps and failures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from embedded.layout import PROJECT
from monitoring.metrics import MonitorCollector
from monitoring.monitor import Monitor
from monitoring.table_monitor import MAX_RUNS, MonitoredTable
from tabular.contract.loading import load_contract
from tabular.errors import NotFound
from tabular.model.bundle_cache import BundleCache
from tests.adapters.memory.bundles import FolderBundles
from tests.unit.monitoring.surroundings import RUN, START, TABLE, alarms_of, predict

QUIET, QUIET_RUN = "telecom_churn", "b" * 32


@pytest.fixture
def quiet(make_bundle, cache, tmp_path):
    """The model of a second table, in the same folder of bundles."""
    return make_bundle(load_contract(PROJECT / "contracts" / f"{QUIET}.toml"), tmp_path / QUIET_RUN)


@pytest.fixture
def two(store, cache, quiet, tmp_path):
    """A monitor of two tables; the second has never been trained."""

    def never() -> float:
        raise NotFound("no training run has completed")

    quiet_cache = BundleCache(FolderBundles(is_down=True), tmp_path, QUIET)
    tables = [
        MonitoredTable(TABLE, cache, alarms_of(store), lambda: 7.0),
        MonitoredTable(QUIET, quiet_cache, alarms_of(store), never),
    ]
    return Monitor(store, tables, window_rows=500, min_rows=300)


def value(monitor, name, **labels):
    registry = CollectorRegistry()
    registry.register(MonitorCollector(monitor))
    return registry.get_sample_value(name, labels)


def test_a_busy_table_does_not_hide_a_quiet_one(two, store, bundle, quiet):
    frame = quiet.reference().head(400)
    long_ago = [
        msgspec.structs.replace(one, made_at=one.made_at - timedelta(days=3))
        for one in predict(quiet, frame, QUIET_RUN)
    ]
    moved = bundle.reference().sample(1_500, replace=True)
    moved["credit_limit"] /= 2
    store.predictions = [*predict(bundle, moved), *long_ago]
    two.check()
    assert value(two, "monitor_dataset_drift", table=TABLE, run_id=RUN) == 1
    assert value(two, "monitor_dataset_drift", table=QUIET, run_id=QUIET_RUN) == 0
    assert value(two, "monitor_window_rows", table=TABLE, run_id=RUN) == 500
    assert value(two, "monitor_window_rows", table=QUIET, run_id=QUIET_RUN) == 400
    newest = [value(two, "monitor_last_prediction_timestamp_seconds", table=table) for table in (TABLE, QUIET)]
    assert newest == [START.timestamp(), long_ago[0].made_at.timestamp()]


def test_each_table_has_as_many_runs_as_are_monitored(two, store, bundle, quiet):
    good = [*predict(bundle, bundle.reference().head(300)), *predict(quiet, quiet.reference().head(300), QUIET_RUN)]
    others = [msgspec.structs.replace(good[at], id=f"x{at}", run_id=f"{at:032x}") for at in range(9)]
    store.predictions = [*others, *good]
    two.check()
    assert value(two, "monitor_runs", table=TABLE) == MAX_RUNS
    assert value(two, "monitor_runs_not_monitored", table=TABLE) == 10 - MAX_RUNS
    assert (value(two, "monitor_runs", table=QUIET), value(two, "monitor_runs_not_monitored", table=QUIET)) == (1, 0)
    assert value(two, "monitor_errors_total", reason="model", table=TABLE) == MAX_RUNS - 1
    assert value(two, "monitor_errors_total", reason="model", table=QUIET) is None


def test_each_table_has_its_own_timestamps_and_what_is_not_known_has_none(two, store, bundle):
    ahead = datetime.now(UTC) + timedelta(hours=1)
    early = msgspec.structs.replace(predict(bundle, bundle.reference().head(1))[0], made_at=ahead)
    store.predictions = [early]
    two.check()
    assert value(two, "monitor_last_training_timestamp_seconds", table=TABLE) == 7
    assert value(two, "monitor_last_training_timestamp_seconds", table=QUIET) is None
    assert value(two, "monitor_last_report_timestamp_seconds", table=TABLE) == START.timestamp()
    assert value(two, "monitor_last_report_timestamp_seconds", table=QUIET) is None
    assert [value(two, "monitor_future_predictions", table=table) for table in (TABLE, QUIET)] == [1, 0]
    assert value(two, "monitor_last_prediction_timestamp_seconds", table=TABLE) is None


def test_predictions_of_a_table_that_the_stack_does_not_serve_are_counted_and_not_monitored(two, store, bundle):
    earlier = [msgspec.structs.replace(one, table="earlier") for one in predict(bundle, bundle.reference().head(300))]
    store.predictions = earlier
    two.check()
    assert value(two, "monitor_predictions_stored_total", table="earlier", source="api") == 300
    assert two.snapshot.runs == {}
    assert value(two, "monitor_runs", table="earlier") is None
