"""The bundle for MLflow's own tools: `mlflow.pyfunc.load_model("runs:/<run id>/bundle")` loads it."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from tabular.encoding.row import matrix
from tabular.model.bundle import Bundle, read_bundle
from tabular.model.scorer import Scores

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = "MLmodel"


class BundleModel:
    """The model as MLflow calls it: a frame in, scores out."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def predict(self, frame: pd.DataFrame) -> Scores:
        """Score the rows of a frame with one column a feature: public or canonical values, missing ones NaN or None.

        n scores, or n x classes for a multiclass model; raises InvalidRow naming every fault of the first bad row.
        """
        records = frame.astype(object).where(frame.notna(), None).to_dict("records")
        rows = [self.bundle.codec.parse({str(key): value for key, value in record.items()}) for record in records]
        return self.bundle.predict(matrix(rows))


def describe(folder: Path) -> None:
    """Write MLflow's description of the bundle next to its files; raises OSError."""
    lines = (
        "flavors:",
        "  python_function:",
        f"    loader_module: {__name__}",
        f"    python_version: {platform.python_version()}",
    )
    (folder / DESCRIPTION).write_text("\n".join(lines) + "\n")


def _load_pyfunc(path: str) -> BundleModel:
    return BundleModel(read_bundle(Path(path)))
