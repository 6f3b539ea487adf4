"""The promises about the shadow: each labelled prediction has one score of the challenger, and the right one (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.audit.stored import Stored


@dataclass(frozen=True)
class Shadow:
    """What the shadow stored: `scores` by prediction id. `expected` gives the score by business key, as far as known.

    Predictions count that were made, and labelled, since the challenge and until now, in microseconds since 1970.
    """

    scores: Sequence[tuple[str, float]]
    expected: Callable[[str], float | None]
    since_us: int
    until_us: int

    def missing(self, documents: Iterable[Stored]) -> list[str]:
        """Labelled predictions that have no score; by a clock that was set off they may have been made at any time."""
        scored, times = {known for known, _ in self.scores}, (self.since_us, self.until_us)
        return sorted(
            each.id
            for each in documents
            if each.label is not None
            and each.id not in scored
            and times[0] <= each.made_at_us <= times[1]
            and times[0] <= (each.labelled_at_us or 0) <= times[1]
        )


def shadow_audit(shadow: Shadow, documents: Sequence[Stored]) -> Mapping[str, list[str]]:
    """Every broken promise, by its kind."""
    keys = {each.id: each.business_key or "" for each in documents}
    times = Counter(known for known, _ in shadow.scores)
    return {
        "labelled, without a score in the shadow": shadow.missing(documents),
        "scored twice in the shadow": sorted(known for known, count in times.items() if count > 1),
        "scored in the shadow, not in the store": sorted(times.keys() - keys.keys()),
        "score in the shadow that is not the challenger's": sorted(
            known
            for known, score in shadow.scores
            if (expected := shadow.expected(keys.get(known, ""))) is not None and score != expected
        ),
    }
