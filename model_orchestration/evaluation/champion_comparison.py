"""The present champion against a new model, on rows that the champion was not trained on."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_orchestration.data.split import Split, split
from model_orchestration.evaluation.comparison import Difference, compare
from model_orchestration.evaluation.probes import contents
from model_orchestration.evaluation.promotion import is_synthetic
from model_orchestration.job import Job, Tools
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.table import CleanTable, encode
from tabular.errors import NotFound, Rejected
from tabular.model.bundle import Bundle, read_bundle
from tabular.ports.registry import Run

MIN_NEW_ROWS = 200


@dataclass(frozen=True)
class ChampionComparison:
    """The comparison, empty if there is no champion to compare with; the notes say why, or on which rows.

    `other_target` says how the champion's target differs from ours, None if it does not.
    """

    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    other_target: str | None = None


def compare_with_champion(
    tools: Tools, job: Job, champion_run_id: str | None, parts: Split, our_scores: NDArray[np.floating[Any]]
) -> ChampionComparison:
    """Compare with the champion on the test rows of this job; raises Unavailable."""
    if champion_run_id is None:
        return ChampionComparison(notes=("there is no other champion to compare with",))
    contract = job.read_contract
    try:
        run, bundle = _champion(tools, champion_run_id)
    except Rejected as error:
        return _not_compared(champion_run_id, str(error))
    if not job.synthetic and is_synthetic(tools, job, champion_run_id):
        return _not_compared(champion_run_id, "it was trained on synthetic data")
    if _target_of(contract) != _target_of(bundle.contract):
        change = f"the champion {champion_run_id} predicts {_named(bundle.contract)}, and this model {_named(contract)}"
        return replace(_not_compared(champion_run_id, "it predicts another target"), other_target=change)
    try:
        their_test = _their_view(tools, job, bundle, parts)
    except Rejected as error:
        return _not_compared(champion_run_id, str(error))
    is_new, notes = _new_rows(tools, job, run, bundle.contract, their_test)
    target = parts.test.target.to_numpy()
    their_scores = bundle.predict(encode(bundle.contract, their_test.features))
    differences = compare(contract.table.task, target[is_new], our_scores[is_new], their_scores[is_new])
    return ChampionComparison(tuple(differences), notes)


def _not_compared(run_id: str, why: str) -> ChampionComparison:
    return ChampionComparison(notes=(f"not compared with the champion {run_id}: {why}",))


def _champion(tools: Tools, run_id: str) -> tuple[Run, Bundle]:
    with tempfile.TemporaryDirectory() as folder:
        tools.registry.fetch_bundle(run_id, Path(folder))
        return tools.registry.run(run_id), read_bundle(Path(folder))


def _target_of(contract: Contract) -> tuple[object, ...]:
    """What a score means: of two classes their order does not matter, for one is named positive."""
    task, target = contract.table.task, contract.target
    classes = sorted(target.classes) if task == "binary" else target.classes
    return task, target.column, tuple(classes), target.positive


def _named(contract: Contract) -> str:
    target = contract.target
    if target.positive is not None:
        return f"the probability that {target.column} is {target.positive!r}"
    return f"{target.column}, one of {list(target.classes)}" if target.classes else f"the number {target.column}"


def _their_view(tools: Tools, job: Job, champion: Bundle, parts: Split) -> CleanTable:
    """Our test rows as the champion's own contract reads them; raises Rejected if it leaves one of them out."""
    if champion.contract.digest == job.read_contract.digest:
        return parts.test
    table = feature_store.load(tools.objects, job.read_contract, job.data_sha256, read_as=champion.contract)
    # By the row of the file: each contract may leave out other rows.
    at = table.features.index.get_indexer(parts.test.features.index)
    if (at < 0).any():
        raise Rejected("its contract leaves out rows that are tested on")
    return table.take(at)


def _new_rows(
    tools: Tools, job: Job, run: Run, contract: Contract, test: CleanTable
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Which test rows the champion was not trained on: memorised rows would overrate it."""
    everything = np.ones(len(test), dtype=bool)
    sha256, seed = run.tags.get("data_sha256"), run.tags.get("seed")
    if sha256 == job.data_sha256 and seed == str(job.seed):
        return everything, ()
    try:
        table = feature_store.load(tools.objects, contract, str(sha256))
        known = set(contents(split(table, int(str(seed)), contract.split).train))
    except (NotFound, ValueError):
        return everything, ("the champion's own training rows are not known: it may have seen some of the test rows",)
    is_new = np.array([content not in known for content in contents(test)])
    if is_new.sum() < MIN_NEW_ROWS:
        return everything, (f"the champion was trained on all but {int(is_new.sum())} of the test rows",)
    return is_new, (f"compared on the {int(is_new.sum())} test rows that the champion was not trained on",)
