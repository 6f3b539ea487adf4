"""What the store takes, and what it never takes: of a group that is rejected, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from tabular.errors import Rejected

Rejections = list[tuple[str, bytes]]
"""Documents that can never be stored, as JSON, each after the reason."""

Item = TypeVar("Item")


def save_all(save: Callable[[Sequence[Item]], object], items: Sequence[Item]) -> Rejections:
    """Save the items together or, if that is rejected, each alone; returns those that are. Raises Unavailable."""
    try:
        save(items)
    except Rejected:
        return [found for item in items if (found := _save_alone(save, item))]
    return []


def _save_alone(save: Callable[[Sequence[Item]], object], item: Item) -> tuple[str, bytes] | None:
    try:
        save([item])
    except Rejected as error:
        return str(error), msgspec.json.encode(item)
    return None
