"""Which changes of the code do a step again, and which do not."""

from __future__ import annotations

import shutil

import pytest

from embedded.layout import PROJECT
from model_orchestration.code_digest import OURS, _looked_at, _Module, code_digest

STEPS = ("check", "split", "sweep", "evaluate", "gate")


def digests(project):
    for cached in (code_digest, _looked_at, _Module.read):
        cached.cache_clear()
    return {step: code_digest("model_orchestration.steps", f"{step}_step", project) for step in STEPS}


@pytest.fixture(scope="module")
def before():
    return digests(PROJECT)


@pytest.fixture
def changed(tmp_path, before):
    """The steps that a change of one file does again: a text, and what stands in its place."""

    def changed(name, old, new):
        for package in OURS:
            shutil.copytree(PROJECT / package, tmp_path / package, dirs_exist_ok=True)
        text = (tmp_path / name).read_text()
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1))
        return {step for step, digest in digests(tmp_path).items() if digest != before[step]}

    return changed


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("tabular/adapters/kinesis/streams.py", "import ", "# a comment\nimport "),
        ("tabular/adapters/kinesis/streams.py", "from __future__", "KINESIS = 1\nfrom __future__"),
        ("model_orchestration/search/sweep.py", "\n\n\n", "\n\n\n# a comment in what the trials run on\n"),
        ("model_orchestration/data/split.py", "A table split in three", "Another docstring"),
        ("model_orchestration/cli.py", "REJECTED, UNAVAILABLE, NOT_REPRODUCED = 1", "REJECTED, UNAVAILABLE = 1"),
        ("model_orchestration/steps.py", "def is_there(tools", "def is_there(the_tools"),
    ],
)
def test_what_no_step_runs_on_does_none_again(changed, name, old, new):
    assert changed(name, old, new) == set()


@pytest.mark.parametrize(
    ("name", "old", "new", "steps"),
    [
        ("model_orchestration/search/families/boosting.py", "MAX_BINS = ", "MAX_BINS = 1 + ", {"sweep"}),
        ("model_orchestration/data/split.py", "TRAIN, VALIDATION, TEST = 0, 1, 2", "TRAIN, VALIDATION, TEST = 1, 0, 2",
         {"split", "sweep", "evaluate", "gate"}),
        ("model_orchestration/search/candidate.py", "GOLDEN_ROWS = 20", "GOLDEN_ROWS = 21", {"sweep"}),
        ("model_orchestration/search/on_dask/dask_rows.py",
         "self._shares = shares", "self._shares = shares + 0", {"sweep"}),
        ("model_orchestration/steps.py",
         "contract, bundle = contract_of(tools, job), fetch_bundle(tools, swept.best.run_id)",
         "bundle, contract = fetch_bundle(tools, swept.best.run_id), contract_of(tools, job)", {"evaluate"}),
        ("model_orchestration/measurement/measured.py", "def measured(", "def measured():\n    pass\n\n\ndef measured(",
         {"evaluate"}),
        ("tabular/data/table.py", "def clean(", "def clean():\n    pass\n\n\ndef clean(", set(STEPS)),
    ],
)  # fmt: skip
def test_what_a_step_runs_on_does_it_again_with_whatever_it_takes_along(changed, name, old, new, steps):
    assert changed(name, old, new) >= steps


def test_the_gate_s_own_rules_do_no_trial_again(changed):
    found = changed(
        "model_orchestration/evaluation/gate.py",
        "def evaluate(",
        "def evaluate(evidence):\n    return None\n\n\ndef evaluate(",
    )
    assert found == {"gate"}


def test_a_step_that_there_is_not_is_no_step_without_code():
    with pytest.raises(LookupError):
        code_digest("model_orchestration.steps", "no_step")
