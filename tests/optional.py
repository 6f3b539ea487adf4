"""What a machine need not have."""

from __future__ import annotations

import pytest

from tabular.model.lightgbm import import_lightgbm


def skip_without_lightgbm() -> None:
    """Skip what needs LightGBM where its dependency group, or the system's OpenMP, is not installed."""
    try:
        import_lightgbm()
    except ImportError as error:
        pytest.skip(str(error), allow_module_level=True)
