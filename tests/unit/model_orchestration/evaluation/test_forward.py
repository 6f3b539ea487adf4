"""A model that learns what each time was like, and knows nothing of the next; and one that does not."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd
import pytest

from model_orchestration.data.split import split
from model_orchestration.evaluation.baselines import baselines
from model_orchestration.evaluation.evidence import Evidence
from model_orchestration.evaluation.leaks.findings import LeakReport
from model_orchestration.evaluation.leaks.forward import forward_like_random, forward_notes, on_random_rows
from model_orchestration.search.out_of_fold import MODEL, HeldOut
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode

ROWS, PERIODS = 3_000, 60


def evidence_of(contract, table, run_sweep) -> Evidence:
    parts = split(table, 42, contract.split)
    [trial] = run_sweep(contract, parts, trials=1)
    scores = trial.scorer.many(encode(contract, parts.test.features))
    held_out = HeldOut(parts.test, {MODEL: scores, **baselines(contract, parts.train, parts.test)}, None)
    random = on_random_rows(contract, parts, trial.params, 42)
    return Evidence(
        contract=contract,
        split=parts,
        validation_scores=trial.validation_scores,
        test_scores=scores,
        held_out=held_out,
        trials=[trial.params],
        leaks=LeakReport("roc_auc", 0.8, 0.1, len(parts.test), ()),
        on_random_rows=random,
    )


@pytest.fixture
def contract(tiny_contract):
    return tiny_contract("binary", lambda file: file.update(split={"time_column": "Day"}))


@pytest.fixture
def table(contract):
    return clean(contract, read_table(make_table(contract, ROWS, seed=0)).cells)


def of_periods(table):
    """In each period another share of the rows is positive, and one feature says which period it is."""
    draw = np.random.default_rng(0)
    period = np.arange(ROWS) * PERIODS // ROWS
    target = pd.Series((draw.random(ROWS) < draw.random(PERIODS)[period]).astype(float), table.target.index)
    features = table.features.assign(weight=period.astype(float))
    return replace(table, features=features, target=target, raw_target=target.map({0.0: "no", 1.0: "yes"}))


def test_a_model_that_only_knows_its_own_time_is_rejected_with_both_figures(contract, table, run_sweep):
    evidence = evidence_of(contract, of_periods(table), run_sweep)
    rejection = forward_like_random(evidence)
    assert rejection is not None
    assert " on random rows and " in rejection.why
    assert "split.max_forward_gap = 0.05" in rejection.why
    tolerant = replace(evidence, contract=replaced(contract, max_forward_gap=1.0))
    assert forward_like_random(tolerant) is None
    [note] = forward_notes(tolerant)
    assert note.startswith("roc_auc 0.")
    assert "on future ones (difference 0." in note


def replaced(contract, **rules):
    return msgspec.structs.replace(contract, split=msgspec.structs.replace(contract.split, **rules))


def test_a_model_whose_rows_do_not_depend_on_time_passes(contract, table, run_sweep):
    """The relation between features and target is the same at all times; in 1 of 20 the interval is above 0."""
    draw = np.random.default_rng(1)
    probability = 1 / (1 + np.exp(-table.features["weight"].fillna(0) / table.features["weight"].std()))
    target = pd.Series((draw.random(ROWS) < probability).astype(float), table.target.index)
    steady = replace(table, target=target, raw_target=target.map({0.0: "no", 1.0: "yes"}))
    evidence = evidence_of(contract, steady, run_sweep)
    assert forward_like_random(evidence) is None
    assert len(forward_notes(evidence)) == 1


def test_without_a_time_column_there_is_nothing_to_compare(tiny_contract, table):
    contract = tiny_contract()
    assert on_random_rows(contract, split(replace(table, times=None), 42), {}, 42) is None
