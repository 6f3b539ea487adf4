"""A monitor over a store in memory and a local copy of one run's bundle."""

from __future__ import annotations

import shutil

import pytest

from monitoring.monitor import Monitor
from monitoring.table_monitor import MonitoredTable
from tabular.model.bundle_cache import BundleCache
from tests.adapters.memory.bundles import FolderBundles
from tests.unit.monitoring.surroundings import RUN, TABLE, alarms_of, monitored_store


@pytest.fixture
def store():
    return monitored_store()


@pytest.fixture
def cache(bundle, tmp_path):
    """A local copy of one run's bundle, and nothing behind it."""
    shutil.copytree(bundle.folder, tmp_path / RUN)
    return BundleCache(FolderBundles(is_down=True), tmp_path, "churn")


@pytest.fixture
def monitor(store, cache):
    return Monitor(store, [MonitoredTable(TABLE, cache, alarms_of(store))], window_rows=1_000, min_rows=300)
