"""What the steps share: the best trial's bundle."""

from __future__ import annotations

from typing import Any, cast

import pytest

from model_orchestration.job import Tools
from model_orchestration.search.engines import Engine
from model_orchestration.steps import fetch_bundle
from tabular.errors import NotFound
from tests.adapters.memory.bundles import FolderBundles


def test_the_steps_fetch_a_bundle_once_and_verify_it(bundle):
    source = FolderBundles(run1=bundle.folder)
    tools = Tools(cast(Any, None), cast(Any, source), Engine(1), cast(Any, None))
    assert fetch_bundle(tools, "run1").digest == fetch_bundle(tools, "run1").digest == bundle.digest
    assert source.fetches == 1
    with pytest.raises(NotFound):
        fetch_bundle(tools, "run2")
