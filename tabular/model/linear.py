"""Linear models: logistic, multinomial logistic and linear regression, as coefficients in JSON.

The margin of an output is its intercept and what each input adds: first the numbers, then the categories, in contract
order. Everything is done in double precision and in this one order, for a row alone as for many, so that the scores are
bit-identical; the exponential is the C library's in both (NumPy's own differs from it in the last bit).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from tabular.encoding.row import Matrix, single_precision
from tabular.model.scorer import Explanation, Scores

Doubles = NDArray[np.float64]
Link = Literal["identity", "logistic", "softmax"]
LARGEST = float(np.finfo(np.float32).max)


class NumberInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="number", tag_field="kind"):
    """A number: `(x - mean) / scale` times an output's coefficient; where it is missing, `missing` in its place."""

    mean: float
    scale: float
    coefficients: tuple[float, ...]
    missing: tuple[float, ...]

    @property
    def slopes(self) -> tuple[float, ...]:
        """What a unit of the number adds to each output."""
        return tuple(coefficient / self.scale for coefficient in self.coefficients)


class CategoryInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="category", tag_field="kind"):
    """A category: `coefficients[code]` has what it adds to each output; `missing` is for one missing or never seen."""

    coefficients: tuple[tuple[float, ...] | None, ...]
    missing: tuple[float, ...]


class LinearModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fitted linear model: an intercept for each output, and the inputs in contract order."""

    link: Link
    intercepts: tuple[float, ...]
    inputs: tuple[NumberInput | CategoryInput, ...]


class LinearScorer:
    """A linear model as it scores."""

    family = "linear"

    def __init__(self, model: LinearModel) -> None:
        """Raises ValueError for a model whose parts do not fit together."""
        _check(model)
        self._model = model
        self._outputs = len(model.intercepts)
        self._order = [*self._positions(NumberInput), *self._positions(CategoryInput)]
        self._row = struct.Struct(f"{len(model.inputs)}f")
        self._scores = struct.Struct(f"{len(model.intercepts)}f")
        self._margins_of_one = [_OneRow(model, output).margin for output in range(self._outputs)]
        self._link = _LINKS[model.link]

    @classmethod
    def from_bytes(cls, model: bytes) -> LinearScorer:
        """Read a model from JSON; raises ValueError if it is none."""
        try:
            return cls(msgspec.json.decode(model, type=LinearModel))
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ValueError(f"the linear model cannot be read: {error}") from error

    def to_bytes(self) -> bytes:
        """The model as JSON."""
        return msgspec.json.format(msgspec.json.encode(self._model), indent=1)

    def one(self, codes: Sequence[float]) -> float | list[float]:
        """Score one row; a number beyond single precision counts as the largest of it."""
        try:
            row = self._row.unpack(self._row.pack(*codes))
            scores = self._link([margin(row) for margin in self._margins_of_one])
        except OverflowError:
            return _plain(self.many(single_precision([codes])))
        rounded = self._scores.unpack(self._scores.pack(*scores))
        return rounded[0] if len(rounded) == 1 else list(rounded)

    def many(self, rows: Matrix) -> Scores:
        """Score an n x k matrix; raises ValueError for another width."""
        margins = self._margins(self._checked(rows)).tolist()
        scores = np.array([self._link(row) for row in margins], dtype=np.float32).reshape(len(rows), self._outputs)
        return scores if self._outputs > 1 else scores[:, 0]

    def compiled(self, rows: Matrix) -> LinearScorer:  # noqa: ARG002 - the port's
        """Itself: it is as fast as it gets."""
        return self

    def explain(self, rows: Matrix) -> Explanation:
        """What each input adds; the base is the intercept: the margin where every input is as on average."""
        rows = self._checked(rows)
        added = [_added(one, rows[:, at].astype(np.float64)) for at, one in enumerate(self._model.inputs)]
        return Explanation(np.tile(np.array(self._model.intercepts), (len(rows), 1)), np.stack(added, axis=-1))

    def _checked(self, rows: Matrix) -> Matrix:
        rows = np.asarray(rows, dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != len(self._model.inputs):
            wanted = len(self._model.inputs)
            raise ValueError(f"rows of {wanted} features are wanted, not a matrix of shape {rows.shape}")
        return rows

    def _margins(self, rows: Matrix) -> Doubles:
        margins = np.tile(np.array(self._model.intercepts), (len(rows), 1))
        for at in self._order:
            margins += _added(self._model.inputs[at], rows[:, at].astype(np.float64))
        return margins

    def _positions(self, kind: type[NumberInput | CategoryInput]) -> list[int]:
        return [at for at, one in enumerate(self._model.inputs) if isinstance(one, kind)]


def _plain(scores: Scores) -> float | list[float]:
    found: list[float | list[float]] = scores.tolist()
    return found[0]


def _added(one: NumberInput | CategoryInput, column: Doubles) -> Doubles:
    """What an input adds to the margins: n x outputs."""
    if isinstance(one, NumberInput):
        centred = np.clip(column, -LARGEST, LARGEST)[:, np.newaxis] - one.mean
        return np.where(np.isnan(centred), one.missing, centred * one.slopes)
    # The last line of the table is for what is missing, or is no code of a known category.
    table = np.array([*(one.missing if known is None else known for known in one.coefficients), one.missing])
    codes = np.where((column >= 0) & (column < len(one.coefficients)), column, len(one.coefficients))
    whole = codes.astype(np.int64)
    found: Doubles = table[np.where(whole == codes, whole, len(one.coefficients))]
    return found


class _OneRow:
    """The margin of one output for one row, without arrays, for which they would take longer than the sums."""

    def __init__(self, model: LinearModel, output: int) -> None:
        self._intercept = model.intercepts[output]
        self._numbers = [
            (at, one.mean, one.slopes[output], one.missing[output])
            for at, one in enumerate(model.inputs)
            if isinstance(one, NumberInput)
        ]
        self._categories = [
            (
                at,
                {float(code): known[output] for code, known in enumerate(one.coefficients) if known is not None}.get,
                one.missing[output],
            )
            for at, one in enumerate(model.inputs)
            if isinstance(one, CategoryInput)
        ]

    def margin(self, row: Sequence[float]) -> float:
        """The margin; raises OverflowError for a row with an infinite number."""
        total = self._intercept
        for at, mean, slope, missing in self._numbers:
            x = row[at]
            total += (x - mean) * slope if x == x else missing  # noqa: PLR0124 - NaN is missing
        for at, added, missing in self._categories:
            total += added(row[at], missing)
        if total - total != 0:
            raise OverflowError("an infinite number came in")
        return total


def _logistic(margins: Sequence[float]) -> list[float]:
    (margin,) = margins
    if margin >= 0:
        return [1.0 / (1.0 + math.exp(-margin))]
    odds = math.exp(margin)
    return [odds / (1.0 + odds)]


def _identity(margins: Sequence[float]) -> list[float]:
    (margin,) = margins
    return [min(max(margin, -LARGEST), LARGEST)]


def _softmax(margins: Sequence[float]) -> list[float]:
    most = max(margins)
    weights = [math.exp(margin - most) for margin in margins]
    total = sum(weights)
    return [weight / total for weight in weights]


_LINKS: dict[str, Callable[[Sequence[float]], list[float]]] = {
    "identity": _identity,
    "logistic": _logistic,
    "softmax": _softmax,
}


def _check(model: LinearModel) -> None:
    outputs = len(model.intercepts)
    if outputs != 1 if model.link != "softmax" else outputs < 2:
        raise ValueError(f"a linear model with the link {model.link} cannot have {outputs} outputs")
    for at, one in enumerate(model.inputs):
        rows = (one.coefficients,) if isinstance(one, NumberInput) else one.coefficients
        if any(row is not None and len(row) != outputs for row in (*rows, one.missing)):
            raise ValueError(f"input {at} of the linear model has not one coefficient for each of {outputs} outputs")
        if isinstance(one, NumberInput) and not one.scale > 0:
            raise ValueError(f"input {at} of the linear model has the scale {one.scale:g}, which is not above 0")
