"""A bucket of immutable objects, under the feature store."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol


class StoredObject(NamedTuple):
    """An object in a listing: its key, its size in bytes, and a tag that is another one once its bytes are others."""

    key: str
    size_bytes: int
    tag: str


class Objects(Protocol):
    """A bucket of immutable objects. Raises Unavailable, or NotFound for a key that does not exist.

    It may be sent to another process, which reaches the same bucket with its own credentials.
    """

    def put(self, key: str, body: bytes) -> None:
        """Store the bytes under the key, replacing what stood there."""

    def get(self, key: str) -> bytes:
        """The bytes under the key."""

    def delete(self, key: str) -> None:
        """Remove what is stored under the key; that nothing is there is no fault."""

    def exists(self, key: str) -> bool:
        """True if something is stored under the key."""

    def keys(self, prefix: str) -> list[str]:
        """Every key that starts with the prefix, sorted."""

    def url(self, key: str) -> str:
        """The address of the object, for people and their tools."""

    def listed(self, prefix: str) -> list[StoredObject]:
        """Every object whose key starts with the prefix, sorted by key."""

    def download(self, key: str, path: Path) -> None:
        """Write the bytes under the key to a file, without holding them in memory; raises OSError too."""

    def upload(self, path: Path, key: str) -> None:
        """Store the bytes of a file under the key, without holding them in memory; raises OSError too."""

    def ensure_bucket(self) -> None:
        """Create the bucket if it is not there."""
