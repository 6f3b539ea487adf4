"""What the load sent and what it was told: the one side of the audit. Threads share it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Attempt:
    """One HTTP request on the wire: when it began (seconds of the monotonic clock), how long it took, its status.

    Status 0 is a connection that was rejected or broke.
    """

    began: float
    seconds: float
    status: int


@dataclass
class Ledger:
    """`acknowledged`: prediction id to score, of every 200. `possible`: ids of every request that was ever sent.

    `labelled`: outcomes by prediction id whose label a 200 acknowledged; `labelled_keys`: outcomes by business key
    whose label a put acknowledged, with the time before it (microseconds since 1970). `told`: ids and keys of every
    label that was ever sent. `put`: partition keys that a put acknowledged. `attempted`: those of every put.
    `unforeseen`: responses that the API must never give.
    """

    acknowledged: dict[str, float] = field(default_factory=dict)
    possible: set[str] = field(default_factory=set)
    labelled: dict[str, str] = field(default_factory=dict)
    labelled_keys: dict[str, str] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    put: set[str] = field(default_factory=set)
    attempted: set[str] = field(default_factory=set)
    attempts: list[Attempt] = field(default_factory=list)
    unforeseen: list[str] = field(default_factory=list)
    is_hopeless: bool = False
    malformed: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def will_ask(self, ids: list[str]) -> None:
        """These predictions may come to be from now on."""
        with self.lock:
            self.possible.update(ids)

    def tried(self, attempt: Attempt) -> None:
        """One attempt, whatever came of it."""
        with self.lock:
            self.attempts.append(attempt)

    def served(self, scores: dict[str, float]) -> None:
        """A 200: these predictions are promised."""
        with self.lock:
            for prediction_id, score in scores.items():
                if self.acknowledged.setdefault(prediction_id, score) != score:
                    self.unforeseen.append(f"{prediction_id} was given two scores")
            self.possible.update(scores)

    def will_put(self, keys: list[str]) -> None:
        """These records may be on the stream from now on."""
        with self.lock:
            self.attempted.update(keys)

    def was_put(self, keys: list[str]) -> None:
        """The stream took all of these records."""
        with self.lock:
            self.put.update(keys)

    def will_tell(self, whose: Iterable[str]) -> None:
        """The labels of these ids or keys may be attached from now on."""
        with self.lock:
            self.told.update(whose)

    def was_told(self, labelled: Mapping[str, str]) -> None:
        """The API acknowledged these labels, by prediction id."""
        with self.lock:
            self.labelled.update(labelled)

    def was_told_of_keys(self, labelled: Mapping[str, str]) -> None:
        """The stream took these labels, by business key."""
        with self.lock:
            self.labelled_keys.update(labelled)

    def complain(self, what: str) -> None:
        """The API did what it must never do."""
        with self.lock:
            self.unforeseen.append(what)

    def give_up(self, what: str) -> None:
        """The API does not come back: from now on nobody waits for it."""
        self.complain(what)
        self.is_hopeless = True

    def count_malformed(self, where: str, what: str) -> None:
        """One malformed body or record, and what became of it."""
        with self.lock:
            self.malformed[f"{where}: {what}"] += 1
