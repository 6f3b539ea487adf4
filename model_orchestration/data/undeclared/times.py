"""Columns by which rows may be ordered in time, where the contract names none: what a model scores along them.

They are pointed out. Where a small model scores the latest rows far worse than random ones, they hold promotion.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from model_orchestration.data.split import Split, split
from model_orchestration.evaluation.leaks.gap import forward_gap, scored
from model_orchestration.search.trial import Params
from tabular.contract.types import Contract
from tabular.data.rows.source_facts import SourceFacts
from tabular.data.rows.split_hints import MaybeTime
from tabular.data.table import CleanTable
from tabular.encoding.values import listed
from tabular.errors import InvalidTable

PARAMS: Params = {"learning_rate": 0.3, "max_depth": 4}
SEED = 0
REMEDY = (
    "If the model is to score rows that come later than those it is trained on, name the column in split.time_column: "
    "a split by seed tests on rows from among the training rows, which can score far better than the future will. If "
    "the column does not say when a row came, such as a date of birth, name it in split.not_time_columns"
)


def order_warnings(facts: SourceFacts) -> list[str]:
    """One warning that names the columns of dates, and those in whose order the rows lie."""
    found = [f"{listed(facts.dates)} holds dates"] if facts.dates else []
    found += [f"the rows lie in the order of {listed(facts.ordered)}"] if facts.ordered else []
    return [f"{', and '.join(found)}. {REMEDY}"] if found else []


def forward_holds(contract: Contract, table: CleanTable, facts: SourceFacts) -> list[str]:
    """What holds promotion: a column along which a model scores later rows far worse than random ones.

    Far is as for a time column: by more than `split.max_forward_gap`, and certainly.
    """
    holds, most = [], contract.split.max_forward_gap
    for column in facts.times:
        name = column.column
        try:
            random, forward = _both_splits(contract, table, column)
        except InvalidTable:  # a part lacks a class: the rows of a file are often sorted by it, those of time are not
            if name in facts.dates:
                holds.append(f"{name} holds dates, and the earliest or the latest rows by it lack a class. {REMEDY}")
            continue
        if min(part.test.target.nunique() for part in (random, forward)) < 2:
            continue
        figures = (scored(contract, part, PARAMS, SEED) for part in (random, forward))
        gap = forward_gap(contract.table.task, *figures)
        if gap.is_large(most):
            holds.append(f"rows in the order of {name}: {gap}, by more than split.max_forward_gap = {most:g}. {REMEDY}")
    return holds


def _both_splits(contract: Contract, table: CleanTable, column: MaybeTime) -> tuple[Split, Split]:
    """The rows of which the time is known, split by seed and by time; raises InvalidTable if a part lacks a class."""
    rows = table.take(table.features.index.get_indexer(pd.Index(column.rows)))
    times = pd.Series(column.times, rows.features.index)
    random, forward = (split(replace(rows, times=order), SEED, contract.split) for order in (None, times))
    return random, forward
