"""The store of labels: attached to predictions, with their history; what has no prediction yet waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from tabular.predictions.label import Label, LabelSource


class LabelCounts(NamedTuple):
    """What became of labels; each is counted once, under the first that holds of it.

    - `attached`: a prediction that had no label has it now;
    - `corrected`: it replaced an earlier one, which stays in the history;
    - `repeated`: the prediction has this outcome already, or one that came in later: nothing was changed;
    - `waiting`: no prediction of its id or key is stored; it is attached when one comes;
    - `orphans`: it waited for too long, or too many wait: it is kept in the history and will not be attached.
    """

    attached: int = 0
    corrected: int = 0
    repeated: int = 0
    waiting: int = 0
    orphans: int = 0

    def plus(self, other: LabelCounts) -> LabelCounts:
        """Both together."""
        return LabelCounts(*(one + another for one, another in zip(self, other, strict=True)))


Attached = Mapping[tuple[str, LabelSource], LabelCounts]
"""What became of labels that waited, by table and source."""


class LabelWriter(Protocol):
    """What attaches labels. Raises Unavailable, and Rejected for a label that the store never takes."""

    def save(self, labels: Sequence[Label]) -> LabelCounts:
        """Attach labels to their predictions; doing it again changes nothing.

        A label by key goes to the predictions of the key that were made within the table's `label_window` before the
        outcome was known (Label.known_by), all of them, from the newest on, MAX_PREDICTIONS_A_KEY at most: the outcome
        answers each.
        """

    def attach_waiting(self, now: datetime) -> Attached:
        """Try the next labels that wait, a bounded number of them, and give up those that have waited for too long."""

    def count_waiting(self) -> int:
        """How many labels wait for their prediction, of all tables."""
