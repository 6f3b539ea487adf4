"""What serves each table, as the API says it when it is asked whether it is ready."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Served:
    """The run that serves a table, and whether it was trained on synthetic data; or why none does."""

    run_id: str = ""
    is_synthetic: bool = False
    why_none: str = ""


def served_tables(readiness: bytes) -> Mapping[str, Served]:
    """By table, of a response of `/health/ready`; nothing of what is none."""
    try:
        found = json.loads(readiness)["tables"]
        return {str(name): _served(state) for name, state in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _served(state: Mapping[str, Any]) -> Served:
    if "model_run_id" not in state:
        return Served(why_none=str(state.get("reason", "no model is loaded")))
    return Served(str(state["model_run_id"]), is_synthetic=bool(state["trained_on_synthetic_data"]))
