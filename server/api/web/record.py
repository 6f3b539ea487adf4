"""From texts, as a form or the cells of a CSV hold them, to the record that the API reads. What is faulty stays so.

Nothing is checked here: the server's decoder does that, whoever sends the row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tabular.contract.canonical import LARGEST_WHOLE_NUMBER, number_in
from tabular.contract.features import Feature
from tabular.contract.types import Contract
from tabular.encoding.dates import moment_in


def record_of(contract: Contract, texts: Mapping[str, str]) -> dict[str, Any]:
    """The record: an empty text is null, digits are a number; a business key that is empty is left out."""
    features = {feature.name: feature for feature in contract.features}
    record: dict[str, Any] = {name: value_of(features[name], texts[name]) for name in features if name in texts}
    key = contract.table.business_key
    others = (name for name in texts if name not in features and (name != key or texts[name].strip()))
    return record | {name: texts[name] for name in others}


def value_of(feature: Feature, text: str) -> Any:
    """The JSON value that a text means for this feature."""
    stripped = text.strip()
    if not stripped:
        return None
    if feature.is_numeric:
        return _number(stripped)
    if feature.has_zone and (moment := moment_in(stripped)) is not None and not moment.has_zone:
        return f"{moment.text}Z"  # a browser's field for date and time has no zone, and its label says UTC
    return text


def _number(text: str) -> float | str:
    number = number_in(text)
    if number is None or not math.isfinite(number):
        return text
    return int(number) if number.is_integer() and abs(number) < LARGEST_WHOLE_NUMBER else number
