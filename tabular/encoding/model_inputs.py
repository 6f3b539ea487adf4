"""From the codes of a row's features to the model's inputs: the features that are inputs, then the derived columns.

Training, both endpoints and batch scoring derive here and nowhere else, one row at a time or many, bit-identical.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tabular.contract.types import Contract
from tabular.encoding.operations import Computation, Floats, computation


class ModelInputs:
    """Derives the inputs of one contract. Build it once; it holds no state between calls.

    `are_features` is True if every feature is an input and nothing is derived: then there is nothing to do.
    """

    def __init__(self, contract: Contract) -> None:
        names = [*contract.feature_names, *(derived.name for derived in contract.derived)]
        at = {name: position for position, name in enumerate(names)}
        self._features = len(contract.features)
        self._steps: list[tuple[Computation, tuple[int, ...]]] = [
            (computation(one, [contract.columns[name] for name in one.of]), tuple(at[name] for name in one.of))
            for one in contract.derived
        ]
        self._inputs = tuple(at[column.name] for column in contract.inputs)
        self.are_features = self._inputs == tuple(range(len(names)))

    def one(self, codes: Sequence[float]) -> tuple[float, ...]:
        """The inputs of one row, from one code a feature."""
        found = list(codes)
        for step, positions in self._steps:
            found.append(step.one(*(found[at] for at in positions)))
        return tuple(found[at] for at in self._inputs)

    def many(self, codes: Floats) -> Floats:
        """The inputs of many rows, n x inputs, from n x features codes."""
        if self.are_features:
            return codes
        found = np.empty((len(codes), len(self._inputs)), order="F")
        for at, column in enumerate(self.columns(lambda feature: codes[:, feature])):
            found[:, at] = column
        return found

    def columns(self, codes_of: Callable[[int], Floats]) -> Iterator[Floats]:
        """The inputs one after the other; `codes_of` gives the codes of the feature at a position."""
        made: dict[int, Floats] = {}
        for position in self._inputs:
            yield self._column(position, codes_of, made)

    def _column(self, position: int, codes_of: Callable[[int], Floats], made: dict[int, Floats]) -> Floats:
        if position < self._features:
            return codes_of(position)
        if position not in made:
            step, sources = self._steps[position - self._features]
            made[position] = step.many(*(self._column(at, codes_of, made) for at in sources))
        return made[position]
