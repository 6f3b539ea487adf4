"""The present champion against a new model, on rows that the champion was not trained on."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_orchestration.data.split import Split, joined, split
from model_orchestration.evaluation.by_slice.differences import slice_differences
from model_orchestration.evaluation.comparison import Difference, compare
from model_orchestration.evaluation.evidence import SliceDifference
from model_orchestration.evaluation.probes import are_among
from model_orchestration.evaluation.promotion import is_synthetic
from model_orchestration.job import Job, Tools
from model_orchestration.search.candidate import scores_by_params
from model_orchestration.search.out_of_fold import MODEL, HeldOut, cross_validated
from model_orchestration.search.run_lineage import DATA_PARAMS
from model_orchestration.search.trial import Params
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.table import CleanTable, encode
from tabular.errors import NotFound, Rejected
from tabular.model.bundle import Bundle, read_bundle
from tabular.ports.registry import CHAMPION, Run

MIN_NEW_ROWS = 200


@dataclass(frozen=True)
class ChampionComparison:
    """The comparison, empty if there is no champion to compare with; the notes say why, or on which rows.

    `other_target` says how the champion's target differs from ours, None if it does not.
    """

    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()
    other_target: str | None = None
    slices: tuple[SliceDifference, ...] = ()


def compare_with_champion(
    tools: Tools, job: Job, champion_run_id: str | None, parts: Split, held_out: HeldOut, params: Params
) -> ChampionComparison:
    """Compare the model of these settings with the champion on rows that neither was fitted on; raises Unavailable.

    By cross-validation of both settings where the model's own scores are such, or too few test rows are new to the
    champion.
    """
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
        their_table = _their_view(tools, job, bundle, joined(parts))
    except Rejected as error:
        return _not_compared(champion_run_id, str(error))
    return _compared(tools, job, run, bundle, their_table, parts, held_out, params)


def _compared(  # noqa: PLR0913, PLR0917 - both models, and what they are compared on
    tools: Tools,
    job: Job,
    run: Run,
    bundle: Bundle,
    their_table: CleanTable,
    parts: Split,
    held_out: HeldOut,
    params: Params,
) -> ChampionComparison:
    """The comparison itself, with a champion that can be compared with."""
    contract = job.read_contract
    if held_out.folds:
        return _by_cross_validation(tools, job, run, bundle, their_table, held_out)
    their_test = their_table.take(their_table.features.index.get_indexer(parts.test.features.index))
    is_new, notes = _new_rows(tools, job, run, bundle.contract, their_test)
    if is_new.sum() < MIN_NEW_ROWS and not is_new.all():
        table = joined(parts)
        ours = scores_by_params(MODEL, contract, table, params, job.seed)
        again = cross_validated(table, contract.split, job.seed, [ours], tools.engine.workers)
        return _by_cross_validation(tools, job, run, bundle, their_table, again)
    theirs = bundle.predict(encode(bundle.contract, their_test.features))
    units = None if held_out.units is None else held_out.units[is_new]
    scores = (held_out.scores[MODEL][is_new], theirs[is_new])
    differences = compare(contract.table.task, held_out.target[is_new], *scores, units)
    by_slice = slice_differences(contract, parts.test.take(np.flatnonzero(is_new)), *scores)
    return ChampionComparison(tuple(differences), notes, slices=tuple(by_slice))


def _by_cross_validation(
    tools: Tools, job: Job, run: Run, champion: Bundle, their_table: CleanTable, held_out: HeldOut
) -> ChampionComparison:
    """The champion's settings fitted on the same folds: it has learnt from some of these rows itself."""
    if not run.params:
        return _not_compared(run.id, "the table is small, and the settings to cross-validate it by are not on its run")
    rules = job.read_contract.split
    theirs = scores_by_params(CHAMPION, champion.contract, their_table, read_params(run.params), job.seed)
    found = cross_validated(their_table, rules, job.seed, [theirs], tools.engine.workers)
    task = job.read_contract.table.task
    differences = compare(task, held_out.target, held_out.scores[MODEL], found.scores[CHAMPION], held_out.units)
    how = f"{rules.repeats} times {rules.folds} folds"
    note = f"compared with the champion's settings by cross-validation ({how}), as it was trained on some of these rows"
    return ChampionComparison(tuple(differences), (note,))


def read_params(params: Mapping[str, str]) -> Params:
    """The settings of a trial from the texts that a registry keeps: numbers are numbers again, its data is left out."""

    def read(text: str) -> Any:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text

    return {name: read(text) for name, text in params.items() if name not in DATA_PARAMS}


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


def _their_view(tools: Tools, job: Job, champion: Bundle, table: CleanTable) -> CleanTable:
    """Our table as the champion's own contract reads it; raises Rejected if it leaves one of its rows out."""
    if champion.contract.digest == job.read_contract.digest:
        return table
    theirs = feature_store.load(tools.objects, job.read_contract, job.data_sha256, read_as=champion.contract)
    # By the row of the file: each contract may leave out other rows.
    at = theirs.features.index.get_indexer(table.features.index)
    if (at < 0).any():
        raise Rejected("its contract leaves out rows that are compared on")
    return replace(theirs.take(at), times=table.times, groups=table.groups)


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
        is_new = ~are_among(test, split(table, int(str(seed)), contract.split).train)
    except (NotFound, ValueError):
        return everything, ("the champion's own training rows are not known: it may have seen some of the test rows",)
    return is_new, (f"compared on the {int(is_new.sum())} test rows that the champion was not trained on",)
