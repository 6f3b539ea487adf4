"""What FastAPI, BentoML and Ray Serve share: a typed record, its encoding and one `inplace_predict`, nothing kept."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from pydantic import BaseModel, create_model

TYPES = {"integer": int, "number": float}


class Scorer:
    """One worker's model, from the folder that BENCH_MODEL names."""

    def __init__(self) -> None:
        folder = Path(os.environ["BENCH_MODEL"])
        self._features = json.loads((folder / "schema.json").read_text())
        self._codes = {one["name"]: {level: code for code, level in enumerate(one["levels"])} for one in self._features}
        self._booster = xgb.Booster({"nthread": 1}, model_file=str(folder / "model.ubj"))

    def score(self, record: Mapping[str, Any]) -> float:
        """The chance of the positive class; what is missing or not known counts as missing."""
        row = [self._code(one, record[one["name"]]) for one in self._features]
        return float(self._booster.inplace_predict(np.array([row], dtype=np.float32), missing=np.nan)[0])

    def _code(self, feature: Mapping[str, Any], value: Any) -> float:
        if value is None:
            return math.nan
        return value if feature["kind"] in TYPES else self._codes[feature["name"]].get(value, math.nan)


def record_type() -> type[BaseModel]:
    """A pydantic model of one record."""
    features = json.loads((Path(os.environ["BENCH_MODEL"]) / "schema.json").read_text())
    fields: dict[str, Any] = {one["name"]: (TYPES.get(one["kind"], str) | None, ...) for one in features}
    return create_model("Record", **fields)
