"""A response of the API as the page shows it: the prediction, why it is so, and what to know about the input."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

import msgspec

from server.api.web.fields import words
from tabular.contract.types import Contract

_MEANINGS = {
    "binary": "The probability that the class is “{positive}”.",
    "multiclass": "The most likely class.",
    "regression": "The predicted value.",
}
_SIDES = {
    "binary": "Bars to the right speak for “{positive}”, bars to the left against it, in log-odds.",
    "multiclass": "Bars to the right speak for “{winner}”, bars to the left against it, in units of its margin.",
    "regression": "Bars to the right make the value larger, bars to the left smaller, in its own unit.",
}


class Bar(msgspec.Struct, frozen=True):
    """One bar: `begin` and `length` in percent of the chart's width, `text` its value."""

    label: str
    given: str
    text: str
    begin: float
    length: float
    is_for: bool = True


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of one prediction; `left_empty` are the features that were sent as not known.

    `sides` says what the bars of `reasons` mean.
    """

    key: str
    headline: str
    exact: str
    meaning: str
    sides: str
    probabilities: list[Bar]
    reasons: list[Bar]
    base: str
    warnings: list[str]
    left_empty: list[str]
    prediction_id: str
    run_id: str


def result_of(contract: Contract, record: Mapping[str, Any], response: bytes) -> Result:
    """The prediction of a response to `explain=1`, of this record."""
    reply: dict[str, Any] = msgspec.json.decode(response)
    key = contract.reply.prediction_key
    value = reply[key]
    winner, positive = str(value), contract.target.positive
    return Result(
        key=words(key),
        headline=_headline(contract, value),
        exact=winner,
        meaning=_MEANINGS[contract.table.task].format(positive=positive),
        sides=_SIDES[contract.table.task].format(positive=positive, winner=winner),
        probabilities=[_share(name, share) for name, share in reply.get("probabilities", {}).items()],
        reasons=_reasons(reply["contributions"], record),
        base=f"{reply['base']:+.3f}",
        warnings=reply["warnings"],
        left_empty=[words(name) for name in contract.feature_names if record.get(name, "") is None],
        prediction_id=reply["prediction_id"],
        run_id=reply["model_run_id"],
    )


def curl_of(address: str, record: Mapping[str, Any], *, needs_key: bool) -> str:
    """The command that sends the same row to the API; `address` is that of `/predict`. The key is not in it."""
    key = ' \\\n  -H "X-API-Key: $API_KEY"' if needs_key else ""
    body = shlex.quote(json.dumps(record, ensure_ascii=False))
    return f"curl {shlex.quote(address)} -H 'Content-Type: application/json'{key} \\\n  -d {body}"


def _headline(contract: Contract, value: Any) -> str:
    if contract.table.task == "binary":
        return f"{100 * value:.1f} %"
    return str(value) if isinstance(value, str) else f"{value:,.4g}"


def _share(name: str, share: float) -> Bar:
    return Bar(name, "", f"{100 * share:.1f} %", 0.0, round(100 * share, 2))


def _reasons(contributions: Mapping[str, float], record: Mapping[str, Any]) -> list[Bar]:
    """The largest first; the chart's middle is 0, and the longest bar takes a half of it."""
    largest = max((abs(value) for value in contributions.values()), default=0.0) or 1.0
    ranked = sorted(contributions.items(), key=lambda item: -abs(item[1]))
    return [_bar(name, value, 50 * abs(value) / largest, record) for name, value in ranked]


def _bar(name: str, value: float, length: float, record: Mapping[str, Any]) -> Bar:
    given = record.get(name, "")
    shown = "not known" if given is None else str(given)
    return Bar(
        words(name), shown, f"{value:+.3f}", round(50 if value >= 0 else 50 - length, 2), round(length, 2), value >= 0
    )
