"""The tables of the drill: customers as the model learnt them, and the same kind of customers deciding otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace

from tabular.contract.types import Contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import clean, public_records

Record = dict[str, Any]


@dataclass(frozen=True)
class Observed:
    """Rows as a business sees them: the request body of each, and its ground-truth label."""

    records: list[Record]
    outcomes: list[str | float]

    def endless(self, seed: int) -> Iterator[tuple[Record, str | float]]:
        """Each row with its outcome, again and again, each round in another order."""
        draw = np.random.default_rng(seed)
        while self.records:
            for at in draw.permutation(len(self.records)).tolist():
                yield self.records[at], self.outcomes[at]


def changed_concept(contract: Contract) -> Contract:
    """The contract with the features' effects dealt out in reverse order: the same inputs have other outcomes.

    That is concept drift: no look at the inputs can find it.
    """
    effects = [feature.synthetic.effect for feature in contract.features if feature.synthetic.effect]
    features = tuple(
        replace(feature, synthetic=replace(feature.synthetic, effect=effects.pop()))
        if feature.synthetic.effect
        else feature
        for feature in contract.features
    )
    return replace(contract, features=features)


def observed(contract: Contract, rows: int, seed: int) -> Observed:
    """So many synthetic rows of the contract with their outcomes."""
    table = clean(contract, read_table(make_table(contract, rows, seed)).cells)
    return Observed(public_records(contract, table.features), table.raw_target.tolist())


def with_swapped_classes(contract: Contract, body: bytes) -> bytes:
    """The table with the two classes of its target swapped, as a mistaken export would have them."""
    first, second = contract.target.classes
    table = read_table(body).cells
    swapped: Mapping[str, str] = {first: second, second: first}
    column = contract.target.column
    return table.assign(**{column: table[column].map(swapped)}).to_csv(index=False, lineterminator="\n").encode()
