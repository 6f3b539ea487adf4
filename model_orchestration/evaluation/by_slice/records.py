"""Slices as they are kept on a run: metrics by names that MLflow allows, and a table."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence

from tabular.contract.types import Task
from tabular.quality.slices import Slice, slice_metric

MAX_LOGGED = 200
"""Slices with metrics of their own on a run, the largest: MLflow takes 1,000 metrics at once, and shows each."""
MAX_CHARACTERS = 100  # of a feature and of a value: a name may have 250
_OTHERS = re.compile(r"[^\w\- .]")


def slice_metrics(task: Task, slices: Sequence[Slice]) -> dict[str, float]:
    """Of each slice `slice/FEATURE/VALUE/rows` and, if it is measured, its metric with the ends of the interval."""
    metric, found = slice_metric(task), {}
    for one in sorted(slices, key=lambda one: -one.n)[:MAX_LOGGED]:
        name = f"slice/{_encoded(one.feature)}/{_encoded(one.value)}"
        found[f"{name}/rows"] = float(one.n)
        if one.metrics is not None and metric in one.metrics:
            low, high = one.intervals[metric]
            found |= {
                f"{name}/{metric}": one.metrics[metric],
                f"{name}/{metric}_low": low,
                f"{name}/{metric}_high": high,
            }
    return found


def slice_table(slices: Sequence[Slice]) -> bytes:
    """The slices as CSV, a row each, every metric followed by the ends of its interval; MLflow's page shows a table."""
    names = list(dict.fromkeys(name for one in slices for name in one.metrics or {}))
    header = ["feature", "value", "rows", *(f"{name}{end}" for name in names for end in ("", "_low", "_high"))]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    for one in slices:
        figures = [
            figure
            for name in names
            for figure in ((one.metrics or {}).get(name, ""), *one.intervals.get(name, ("", "")))
        ]
        writer.writerow([one.feature, one.value, one.n, *figures])
    return text.getvalue().encode()


def _encoded(text: str) -> str:
    """A text in the characters that MLflow allows: of others their number in hex, `$60K` is `:24:60K`.

    Two texts never become one: a colon is encoded too, and what is too long ends with a digest.
    """
    code = ":{:x}:".format
    encoded = _OTHERS.sub(lambda found: code(ord(found[0])), text)
    if set(encoded) <= {"."} or encoded != encoded.strip():  # as a part of a path it would mean something else
        encoded = "".join(code(ord(each)) if each in ". " else each for each in encoded)
    if len(encoded) <= MAX_CHARACTERS:
        return encoded
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{encoded[: MAX_CHARACTERS - 14]}:{digest}:"
