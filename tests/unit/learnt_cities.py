"""A table whose cities are learnt: some are rare, some are written in several ways, and the target follows them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd

from tabular.contract.loading import contract_from_json
from tabular.contract.types import Contract

CITIES, LEAST_COUNT = 60, 8


def cities_contract(**changes: Any) -> Contract:
    """A regression on a size and a city; `changes` are further tables of the contract's file."""
    file = {
        "table": {"name": "cities", "title": "Cities", "task": "regression", "missing_tokens": ["n/a"]},
        "target": {"column": "price"},
        "reply": {"prediction_key": "price"},
        "features": [
            {"name": "size", "column": "Size", "kind": "number", "range": [0, 1000]},
            {"name": "city", "column": "City", "kind": "category", "categories": "learn", "least_count": LEAST_COUNT},
        ],
    }
    return contract_from_json(msgspec.json.encode(file | changes))


def cities_csv(rows: int = 2_500, seed: int = 0) -> bytes:
    """Rows in which the lower numbers of cities are frequent and the higher ones rare, with gaps."""
    draw = np.random.default_rng(seed)
    effect = np.random.default_rng(1).normal(0, 20, CITIES)
    at = np.minimum(draw.exponential(CITIES / 6, rows).astype(int), CITIES - 1)
    size = draw.uniform(10, 100, rows).round(2)
    names = np.array([f"Town {number}" for number in at], dtype=object)
    shouted = draw.random(rows) < 0.1
    names[shouted] = [f" {name.upper()}" for name in names[shouted]]
    names[draw.random(rows) < 0.03] = "n/a"
    price = (size + effect[at] + draw.normal(0, 2, rows)).round(2)
    return pd.DataFrame({"Size": size, "City": names, "price": price}).to_csv(index=False).encode()
