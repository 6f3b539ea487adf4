"""What runs flows: it is asked to start one now, beside its schedules."""

from __future__ import annotations

from typing import Protocol


class FlowStarter(Protocol):
    """Raises Unavailable if it may work later, Rejected if it never does."""

    def start(self, deployment: str, key: str) -> None:
        """Start a run of a deployment, `flow/name`; the same key again starts none."""
