"""Which consumers are alive, and how many shards each gets: what needs no store."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Liveness:
    """Tells live consumers from dead ones by their heartbeats: a number that changes as long as its consumer lives.

    Only a change counts, and how long ago it was seen by the observer's own clock: no two clocks are ever compared.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._seen: dict[str, tuple[int, float]] = {}
        self._checked_at = float("-inf")

    def alive(self, heartbeats: Mapping[str, int], now_seconds: float) -> set[str]:
        """The names whose heartbeat is new or changed within the timeout."""
        # One that did not check for long (paused, or cut off from the store) cannot tell who else is dead.
        was_away = now_seconds - self._checked_at > self._timeout_seconds / 2
        self._checked_at = now_seconds
        self._seen = {
            name: (heartbeat, now_seconds) if was_away or self._heartbeat_of(name) != heartbeat else self._seen[name]
            for name, heartbeat in heartbeats.items()
        }
        return {name for name, (_, at) in self._seen.items() if now_seconds - at < self._timeout_seconds}

    def _heartbeat_of(self, name: str) -> int | None:
        return self._seen[name][0] if name in self._seen else None


def quota(shards: int, names: Collection[str], name: str) -> int:
    """How many of the shards are this one's, so that all shares make up all shards and differ by one at most."""
    rank = sorted(names).index(name)
    each, left_over = divmod(shards, len(names))
    return each + (rank < left_over)
