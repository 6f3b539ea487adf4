"""The port `BundleSource`: the registry and its twin over folders give the same."""

from __future__ import annotations

import pytest

from tabular.errors import NotFound
from tabular.model.bundle import read_bundle
from tabular.ports.registry import BUNDLE, CHAMPION
from tests.adapters.memory.bundles import FolderBundles


@pytest.fixture(params=["mlflow", "folders"])
def source(request, bundle):
    """A source of one bundle, the id of its run, and what makes that run the champion."""
    if request.param == "folders":
        folders = FolderBundles(run1=bundle.folder)
        return folders, "run1", lambda: setattr(folders, "alias", "run1")
    registry = request.getfixturevalue("registry")
    run_id = registry.start_run("trial 000", {})
    registry.put_folder(run_id, bundle.folder, BUNDLE)
    return registry, run_id, lambda: registry.register(run_id, CHAMPION, {})


def test_a_bundle_is_fetched_by_its_run_alone(source, bundle, tmp_path):
    bundles, run_id, _ = source
    bundles.fetch_bundle(run_id, tmp_path)
    assert read_bundle(tmp_path).digest == bundle.digest


def test_a_run_that_is_not_there_is_not_found(source, tmp_path):
    with pytest.raises(NotFound):
        source[0].fetch_bundle("0" * 32, tmp_path)


def test_there_is_no_champion_until_a_run_is_given_the_alias(source):
    bundles, run_id, make_champion = source
    with pytest.raises(NotFound):
        bundles.champion()
    make_champion()
    assert bundles.champion() == run_id
