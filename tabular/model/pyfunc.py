"""The bundle for MLflow's own tools: `mlflow.pyfunc.load_model("runs:/<run id>/bundle")` loads it."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tabular.contract.types import Contract
from tabular.encoding.row import matrix
from tabular.model.bundle import Bundle, read_bundle
from tabular.model.scorer import Scores

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION, EXAMPLE = "MLmodel", "input_example.json"


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


def describe(folder: Path, contract: Contract) -> None:
    """Write MLflow's description of the bundle next to its files, and an input example; raises OSError."""
    lines = (
        "flavors:",
        "  python_function:",
        f"    loader_module: {__name__}",
        f"    python_version: {platform.python_version()}",
        "signature:",
        f"  inputs: {_quoted(_inputs(contract))}",
        f"  outputs: {_quoted([_output(contract)])}",
        "saved_input_example_info:",
        f"  artifact_path: {EXAMPLE}",
        "  type: dataframe",
        "  pandas_orient: split",
    )
    (folder / DESCRIPTION).write_text("\n".join(lines) + "\n")
    example = {"columns": list(contract.example), "data": [list(contract.example.values())]}
    (folder / EXAMPLE).write_bytes(msgspec.json.encode(example))


def _inputs(contract: Contract) -> list[dict[str, Any]]:
    """The columns of a frame, each required.

    Of any type: a whole number with a missing value is a float in pandas, and a category may be text or a code. What
    may stand in a column is the contract's to say, and `BundleModel` names every fault.
    """
    return [{"type": "any", "name": name, "required": True} for name in contract.feature_names]


def _output(contract: Contract) -> dict[str, Any]:
    several = [len(contract.target.classes)] if contract.table.task == "multiclass" else []
    return {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, *several]}}


def _quoted(document: object) -> str:
    """JSON as a text in YAML, whose quoted texts are those of JSON."""
    return msgspec.json.encode(msgspec.json.encode(document).decode()).decode()


def _load_pyfunc(path: str) -> BundleModel:
    return BundleModel(read_bundle(Path(path)))
