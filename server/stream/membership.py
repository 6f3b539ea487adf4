"""Who is alive, and how many shards are whose: the two judgements that need no store."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Watch:
    """Tells the living from the dead by their beats: a number that changes as long as its consumer lives.

    Only a change counts, and how long ago it was seen by the watcher's own clock: no two clocks are ever compared.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._seen: dict[str, tuple[int, float]] = {}
        self._looked_at = float("-inf")

    def alive(self, beats: Mapping[str, int], now_seconds: float) -> set[str]:
        """The names whose beat is new or changed within the patience."""
        # Who did not look for long (paused, or cut off from the store) has no right to call others silent.
        was_away = now_seconds - self._looked_at > self._patience_seconds / 2
        self._looked_at = now_seconds
        self._seen = {
            name: (beat, now_seconds) if was_away or self._beat_of(name) != beat else self._seen[name]
            for name, beat in beats.items()
        }
        return {name for name, (_, at) in self._seen.items() if now_seconds - at < self._patience_seconds}

    def _beat_of(self, name: str) -> int | None:
        return self._seen[name][0] if name in self._seen else None


def fair_share(shards: int, names: Collection[str], name: str) -> int:
    """How many of the shards are this one's, so that all shares make up all shards and differ by one at most."""
    rank = sorted(names).index(name)
    each, left_over = divmod(shards, len(names))
    return each + (rank < left_over)
