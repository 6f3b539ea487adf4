"""Contracts that are shipped or that nobody thought of, and records that keep them, or nearly (hypothesis)."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from embedded.layout import PROJECT
from tabular.contract.canonical import canonical
from tabular.contract.derived import PERIODS
from tabular.contract.loading import contract_from_json, load_contract
from tabular.contract.types import Contract
from tabular.contract.validation import contract_faults
from tabular.encoding.dates import moment_in, text_of

SHIPPED = [load_contract(path) for path in sorted((PROJECT / "contracts").glob("*.toml"))]
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

FIRST_US, LAST_US = (
    moment.microseconds
    for text in ("1700-01-01", "2199-12-31T23:59:59.999999")
    if (moment := moment_in(text)) is not None
)
labels = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)


@st.composite
def features(draw, name: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(["integer", "number", "category", "ordinal", "boolean", "datetime"]))
    about = {"name": name, "column": f"Column {name}", "kind": kind, "description": "Made up."}
    if kind == "datetime":
        zone = draw(st.sampled_from(["none", "UTC"]))
        return about | {"time_zone": zone, "example": f"2024-02-29T12:30:00{'Z' if zone == 'UTC' else ''}"}
    if kind == "boolean":
        return about | {"categories": draw(st.sampled_from([[], ["no", "yes"], ["0", "1"], ["False", "ja"]]))}
    if kind in ("category", "ordinal"):
        categories = draw(
            st.lists(
                labels | st.sampled_from(["1", "2.50", "True", "false", "007"]),
                min_size=2,
                max_size=5,
                unique_by=canonical,
            )
        )
        return about | {"categories": categories, "example": categories[0]}
    low, high = sorted(draw(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=2, unique=True)))
    return about | {"range": [low, high], "example": low}


@st.composite
def contracts(draw) -> Contract:
    """A shipped contract, or one nobody thought of."""
    if draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from(SHIPPED))
    names = draw(st.lists(labels, min_size=1, max_size=5, unique=True))
    file = {
        "table": {
            "name": "made_up",
            "title": "Made up",
            "task": "binary",
            "missing_tokens": draw(st.sampled_from([["n/a", "?"], ["n/a", "-1", "99.0"]])),
            "business_key": draw(st.sampled_from([None, "customer id"])),
        },
        "target": {"column": "Y", "classes": ["no", "yes"], "positive": "yes"},
        "reply": {"prediction_key": "chance"},
        "features": [draw(features(name)) for name in names],
    }
    file["derived"] = [
        {"name": f"{one['name']} {part}", "operation": part, "of": [one["name"]]}
        for one in file["features"]
        if one["kind"] == "datetime"
        for part in draw(st.lists(st.sampled_from([*PERIODS, "epoch_days"]), min_size=1, max_size=2, unique=True))
    ]
    contract = msgspec.convert(file, Contract)
    return (
        draw(st.sampled_from(SHIPPED)) if contract_faults(contract) else contract_from_json(json.dumps(file).encode())
    )


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=120)
    | st.sampled_from(
        [
            0,
            -0.0,
            1e308,
            10**18,
            2**63,
            2**64,
            -(2**63) - 1,
            5e-324,
            "",
            "n/a",
            "Unknown",
            "1",
            1,
            -1,
            99,
            "-1.0",
            True,
            "TRUE",
            "2024-02-29",
            "2024-02-29 12:30:00+01:00",
            "2023-02-29T00:00",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def right_values(feature) -> st.SearchStrategy[Any]:
    """Values of the feature that mean themselves: none that is a missing token."""
    if feature.kind == "integer":
        return st.integers(math.ceil(feature.range[0]), math.floor(feature.range[1])).filter(_is_no_token)
    if feature.kind == "number":
        return st.floats(*feature.range).filter(_is_no_token)
    if feature.is_datetime:
        return st.integers(FIRST_US, LAST_US).map(lambda at: text_of(at, has_zone=feature.has_zone))
    return st.sampled_from(feature.categories)


def _is_no_token(number: float) -> bool:
    return number not in (-1, 99)


@st.composite
def near_records(draw, contract: Contract) -> dict[str, Any]:
    """A record that keeps the contract but for a few changes, or none."""
    record = {feature.name: draw(st.none() | right_values(feature)) for feature in contract.features}
    if contract.table.business_key is not None and draw(st.booleans()):
        record[contract.table.business_key] = draw(st.none() | st.text(max_size=5) | st.integers() | anything)
    for name in draw(st.lists(st.sampled_from([*contract.feature_names, "colour"]), max_size=3)):
        if draw(st.booleans()):
            record[name] = draw(anything)
        else:
            record.pop(name, None)
    return record
