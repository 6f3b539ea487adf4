"""A bucket of immutable objects, under the feature store."""

from __future__ import annotations

from typing import Protocol


class Objects(Protocol):
    """A bucket of immutable objects. Raises Unavailable, or NotFound for a key that does not exist."""

    def put(self, key: str, body: bytes) -> None:
        """Store the bytes under the key, replacing what stood there."""

    def get(self, key: str) -> bytes:
        """The bytes under the key."""

    def exists(self, key: str) -> bool:
        """True if something is stored under the key."""

    def keys(self, prefix: str) -> list[str]:
        """Every key that starts with the prefix, sorted."""

    def ensure_bucket(self) -> None:
        """Create the bucket if it is not there."""
