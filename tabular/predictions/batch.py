"""The predictions of one batch in columns: made, counted and put in the outbox together; the relay splits them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import repeat
from typing import Any

import msgspec

from tabular.contract.types import Contract
from tabular.encoding.columns import Column
from tabular.predictions.prediction import Prediction, Source, outcome, reply

Named = dict[int, tuple[str, ...]]
"""By position of the row, for the few rows where there is something to name."""


class PredictionBatch(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Rows scored together. Iterating gives each as a `Prediction`, in order.

    `values` holds one column a feature, in the order of `features`; `scores` one number a row or, of a multiclass
    model, one list a row in the order of `classes`; `missing` counts by feature; `business_keys` is empty where no row
    has one. The rest is as in `Prediction`.
    """

    ids: Sequence[str]
    made_at: datetime
    table: str
    run_id: str
    contract: str
    source: Source
    features: tuple[str, ...]
    values: Sequence[Column]
    scores: Sequence[float | Sequence[float]]
    classes: tuple[str, ...] = ()
    missing: dict[str, int] = {}
    unknown: Named = {}
    out_of_range: Named = {}
    warnings: Named = {}
    business_keys: Sequence[str | None] = ()
    request_id: str | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Prediction]:
        rows, keys = zip(*self.values, strict=True), self.business_keys or repeat(None, len(self))
        for at, (known_as, given, scored, key) in enumerate(zip(self.ids, rows, self.scores, keys, strict=True)):
            score, probabilities, winner = outcome(scored, self.classes)
            yield Prediction(
                id=known_as,
                made_at=self.made_at,
                table=self.table,
                run_id=self.run_id,
                contract=self.contract,
                source=self.source,
                row=dict(zip(self.features, given, strict=True)),
                score=score,
                probabilities=probabilities,
                predicted_class=winner,
                unknown=self.unknown.get(at, ()),
                out_of_range=self.out_of_range.get(at, ()),
                warnings=self.warnings.get(at, ()),
                business_key=key,
                request_id=self.request_id,
            )

    def odd_values(self) -> Counter[tuple[str, str]]:
        """How many values of each feature were missing, unknown or out of the training range."""
        odd = Counter({(name, "missing"): count for name, count in self.missing.items()})
        odd.update((name, "unknown") for names in self.unknown.values() for name in names)
        odd.update((name, "out_of_range") for names in self.out_of_range.values() for name in names)
        return odd


def numbered_replies(batch: PredictionBatch, positions: Sequence[int], contract: Contract) -> Sequence[Any]:
    """The public response for each row, with the row's position in the request; to be encoded."""
    if batch.classes:
        pairs = zip(positions, batch, strict=True)
        return [{"row": position, **reply(prediction, contract)} for position, prediction in pairs]
    warnings = map(batch.warnings.get, range(len(batch)), repeat(()))
    response = _response_type(contract.reply.prediction_key, contract.table.business_key or "business_key")
    every = (positions, batch.scores, repeat(batch.run_id), batch.ids, warnings)
    if not batch.business_keys:
        return list(map(response, *every))
    return list(map(response, *every, (msgspec.UNSET if key is None else key for key in batch.business_keys)))


@cache
def _response_type(prediction_key: str, business_key: str) -> Callable[..., Any]:
    """A row's `reply` where that is one number, as a type: it is made and encoded in half the time of a dict."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("row", int),
        ("prediction", float),
        ("model_run_id", str),
        ("prediction_id", str),
        ("warnings", tuple[str, ...]),
        ("key", str | msgspec.UnsetType, msgspec.UNSET),
    ]
    return msgspec.defstruct("Response", fields, rename={"prediction": prediction_key, "key": business_key}, gc=False)
