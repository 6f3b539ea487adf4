"""The comparison: what was promised against what is there (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.audit.shadow import Shadow, shadow_audit
from tests.chaos.audit.stored import Stored


@dataclass
class Streams:
    """What was read from the three streams: the other side of the audit, as far as the stream goes.

    `records`: of each record on the predictions stream, the id its prediction must have, by (shard, sequence number).
    `keys`: their partition keys. `results`: the scores put on the results stream, by prediction id.
    `letters`: how many dead letters name a record. `label_letters`: why labels became dead letters; none should.
    """

    records: dict[tuple[str, str], str] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    results: dict[str, list[float]] = field(default_factory=dict)
    letters: Counter[tuple[str, str]] = field(default_factory=Counter)
    label_letters: set[str] = field(default_factory=set)

    @property
    def without_outcome(self) -> int:
        """How many records have neither a result nor a dead letter yet."""
        return sum(known not in self.results and place not in self.letters for place, known in self.records.items())


@dataclass(frozen=True)
class Promises:
    """What the load was told, from the ledger."""

    acknowledged: Mapping[str, float]
    possible: frozenset[str]
    put: frozenset[str]
    labelled: Mapping[str, str] = field(default_factory=dict)
    labelled_keys: Mapping[str, str] = field(default_factory=dict)
    told: frozenset[str] = frozenset()


def missing_labels(promises: Promises, documents: Iterable[Stored]) -> list[str]:
    """Predictions that lack a label which was acknowledged, or have another.

    The stream took the record before its label was sent, however late the prediction was made. Of a record that was put
    twice, as its first put had no response, one prediction at least has the label: it waits for no more.
    """
    stored = list(documents)
    answered = {each.business_key for each in stored if each.label is not None}
    missing = []
    for each in stored:
        outcome = promises.labelled_keys.get(each.business_key or "", promises.labelled.get(each.id))
        is_twin = each.label is None and each.business_key in answered and each.id not in promises.labelled
        if outcome is not None and each.label != outcome and not is_twin:
            missing.append(each.id)
    return sorted(missing)


def lost_labels(promises: Promises, documents: Iterable[Stored], waiting: Iterable[str]) -> list[str]:
    """The ids and keys of labels that were acknowledged and have no prediction, and are not waiting for one either."""
    found = set(waiting)
    for each in documents:
        found |= {each.id, each.business_key or ""}
    return sorted((promises.labelled.keys() | promises.labelled_keys.keys()) - found)


def waiting_no_more(promises: Promises, documents: Iterable[Stored], waiting: Collection[str]) -> list[str]:
    """The ids and keys of predictions whose label is attached, and still among those that wait."""
    attached = {known for each in documents if each.label is not None for known in (each.id, each.business_key)}
    acknowledged = promises.labelled.keys() | promises.labelled_keys.keys()
    return sorted(acknowledged & attached & set(waiting))


def _labels(
    promises: Promises, documents: Sequence[Stored], history: Iterable[tuple[str, int]], waiting: Collection[str]
) -> dict[str, list[str]]:
    """The broken promises about labels; `history` has the prediction and the time of each entry."""
    last = {(each.id, each.labelled_at_us) for each in documents if each.label is not None}
    times = Counter(entry for entry in history if entry in last)
    return {
        "label acknowledged, not on its prediction": missing_labels(promises, documents),
        "label acknowledged, without a prediction and not waiting": lost_labels(promises, documents, waiting),
        "label both attached and waiting": waiting_no_more(promises, documents, waiting),
        "label that nobody sent": sorted(
            each.id for each in documents if each.label is not None and not {each.id, each.business_key} & promises.told
        ),
        "label without its entry in the history": sorted(known for known, at_us in last if (known, at_us) not in times),
        "label twice in the history": sorted(known for (known, _), count in times.items() if count > 1),
    }


def audit(
    promises: Promises,
    streams: Streams,
    stored: Iterable[Stored],
    history: Iterable[tuple[str, int]] = (),
    waiting: Collection[str] = (),
    shadow: Shadow | None = None,
) -> dict[str, list[str]]:
    """Every broken promise, by its kind; all lists are empty when none is.

    `waiting` are the ids and keys of labels that wait, or are orphans; without a shadow nothing is promised about it.
    """
    documents = list(stored)
    times = Counter(each.id for each in documents)
    scores = {each.id: each.score for each in documents}
    on_stream = set(streams.records.values())
    by_source = {name: {each.id for each in documents if each.source == name} for name in ("api", "stream")}
    dead = {streams.records[place] for place in streams.letters if place in streams.records}
    return {
        "acknowledged, not in the store": sorted(promises.acknowledged.keys() - scores.keys()),
        "stored more than once": sorted(known for known, count in times.items() if count > 1),
        "stored with another score than the response's": _differing(promises.acknowledged, scores),
        "stored by the API, never asked for": sorted(by_source["api"] - promises.possible),
        "put, not on the stream": sorted(promises.put - streams.keys),
        "stored by the consumer, not on the stream": sorted(by_source["stream"] - on_stream),
        "record neither stored nor dead": sorted(on_stream - scores.keys() - dead),
        "record both stored and dead": sorted(scores.keys() & dead),
        "stored, without a result": sorted((on_stream & scores.keys()) - streams.results.keys()),
        "result with another score than stored": sorted(
            known for known, found in streams.results.items() if any(score != scores.get(known) for score in found)
        ),
        "dead letter of no record": sorted(
            "/".join(place) for place in streams.letters.keys() - streams.records.keys()
        ),
        "dead letter of a label": sorted(streams.label_letters),
        **_labels(promises, documents, history, waiting),
        **(shadow_audit(shadow, documents) if shadow else {}),
    }


def _differing(served: Mapping[str, float], stored: Mapping[str, float]) -> list[str]:
    return sorted(known for known, score in served.items() if known in stored and stored[known] != score)
