"""Faults planted into the text of a made-up table."""

from __future__ import annotations

import io

import pandas as pd

ROWS = 2_000


def planted(body, change):
    """The table after a change to its frame of text cells."""
    return change(pd.read_csv(io.BytesIO(body), dtype=str, keep_default_na=False)).to_csv(index=False).encode()
