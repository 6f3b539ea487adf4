"""Synthetic tables, and a small trained model of every task, made from one with the steps themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from model_orchestration.data.split import Split, split
from model_orchestration.search.candidate import search_data
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.space import space
from model_orchestration.search.sweep import sweep, threads
from model_orchestration.search.trial import Trial, objective
from tabular.contract.types import Contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, encode
from tests.unit.model_orchestration.planted_faults import ROWS


@dataclass(frozen=True)
class Trained:
    """A contract, the parts of its table, the trials, and the best one's scores on test."""

    contract: Contract
    parts: Split
    trials: list[Trial]

    @property
    def best(self) -> Trial:
        return min(self.trials, key=lambda trial: trial.loss)

    @property
    def test_scores(self):
        return self.best.scorer.many(encode(self.contract, self.parts.test.features))


def _parts_of(contract: Contract, rows: int = 2_000, seed: int = 42) -> Split:
    return split(clean(contract, read_table(make_table(contract, rows, seed=1)).cells), seed)


def _run_sweep(contract: Contract, parts: Split, *, trials: int, seed: int = 42, workers: int = 2) -> list[Trial]:
    fit = Fit(search_data(contract, parts), objective(contract), seed, contract.training)
    searched = space(contract.training, has_nominal=any(column.is_nominal for column in contract.inputs))
    with threads(workers) as engine:
        return sweep(fit, trials, seed, engine, search_space=searched)


@pytest.fixture(scope="session")
def parts_of() -> Callable[..., Split]:
    """Splits synthetic rows of a contract."""
    return _parts_of


@pytest.fixture(scope="session")
def run_sweep() -> Callable[..., list[Trial]]:
    """Sweeps a few trials over the parts of a table."""
    return _run_sweep


@pytest.fixture(scope="session")
def trained_on() -> Callable[[Contract], Trained]:
    """Trains a few trials on 2,000 synthetic rows of a contract."""

    def train(contract: Contract) -> Trained:
        parts = _parts_of(contract)
        return Trained(contract, parts, _run_sweep(contract, parts, trials=6))

    return train


@pytest.fixture(scope="session")
def trained(trained_on: Callable[[Contract], Trained], contract: Contract) -> Trained:
    """A small churn model."""
    return trained_on(contract)


@pytest.fixture(scope="session", params=["binary", "multiclass", "regression"])
def trained_for_task(request, trained_on, tiny_contract) -> Trained:
    """A small model of each task."""

    def telling(file: dict[str, Any]) -> None:
        for feature in file["features"]:
            feature["synthetic"] = {"effect": 1.5}

    return trained_on(tiny_contract(request.param, telling))


@pytest.fixture(scope="module")
def body(contract):
    return make_table(contract, ROWS, seed=0)


@pytest.fixture(scope="module")
def accepted(contract):
    return clean(contract, read_table(make_table(contract, ROWS, seed=1)).cells)
