"""The contract's `[source]`: what it may say, and what contradicts itself."""

from __future__ import annotations

import pytest

from tabular.contract.source import SourceOptions, source_faults


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"separator": "\t", "decimal": ",", "encoding": "Windows-1252"},
        {"header": False, "columns": ("a", "b")},
        {"format": "parquet", "on_invalid": "drop", "max_dropped_share": 0.0},
        {"encoding": "utf-16"},
    ],
)
def test_what_fits_together_has_no_fault(source):
    assert source_faults(SourceOptions(**source)) == []


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ({"encoding": "latin-99"}, "source.encoding"),
        ({"encoding": "base64"}, "source.encoding"),
        ({"encoding": "unicode_escape"}, "source.encoding"),
        ({"header": False}, "source.columns"),
        ({"columns": ("a",)}, "source.columns"),
        ({"header": False, "columns": ("a", "a")}, "source.columns"),
        ({"header": False, "columns": ("a", " b")}, "source.columns"),
        ({"format": "parquet", "separator": ";"}, "source.separator"),
        ({"format": "parquet", "header": False, "columns": ("a",)}, "source.header"),
        ({"separator": ",", "decimal": ","}, "source.decimal"),
        ({"max_dropped_share": 1.0}, "source.max_dropped_share"),
        ({"max_dropped_share": float("nan")}, "source.max_dropped_share"),
    ],
)
def test_what_cannot_be_is_a_fault_that_names_its_key(source, key):
    (fault,) = source_faults(SourceOptions(**source))
    assert fault.startswith(f"{key}: ")
