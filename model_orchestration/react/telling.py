"""Tells people what the ledger says is new: the ledger is the queue, and the place in it is kept in the state folder.

    <state folder>/told.json      when telling began, and the ids of what was posted since a day ago

The last day is read each time, and what was posted is known by its id: entries come in the order of their time, but not
quite, for another process may append one late.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from tabular.errors import Rejected, Unavailable
from tabular.ledger.entry import Kind, LedgerEntry
from tabular.ports.ledger import Ledger
from tabular.ports.messages import Messenger

log = logging.getLogger(__name__)

ALARMS: tuple[Kind, ...] = ("alarmed", "alarm_ended")
DECISIONS: tuple[Kind, ...] = (
    "decided",
    "harvested",
    "retrained",
    "rejected",
    "challenged",
    "dropped",
    "promoted",
    "rolled_back",
)
KEPT_FOR = timedelta(days=1)
"""How long an entry is tried: older news helps nobody, and a webhook that comes back gets no flood."""
MOST_AT_ONCE = 100


class Place(msgspec.Struct, frozen=True):
    """When telling began, and the ids with their times of what was posted, or given up, since KEPT_FOR ago."""

    began: datetime
    done: dict[str, datetime] = {}


class Teller:
    """Posts what is new in the ledger to a messenger, in order; a place that is not there yet begins now."""

    def __init__(self, ledger: Ledger, messenger: Messenger, state_dir: Path, kinds: Collection[Kind]) -> None:
        self._ledger, self._messenger, self._kinds = ledger, messenger, tuple(kinds)
        self._path = state_dir / "told.json"

    def tell(self, tables: Collection[str], now: datetime) -> int:
        """Post what is new about these tables; returns how many entries were posted.

        Stops at the first that cannot be posted now, which is tried again next time. Raises Unavailable for the ledger.
        """
        place, posted = self._place(now), 0
        for entry in self._new(place, tables, now):
            try:
                self._messenger.post(entry)
                posted += 1
            except Unavailable as error:
                log.warning("news waits in the ledger: %s", error)
                break
            except Rejected as error:
                log.warning("the entry %s is not told: %s", entry.id, error)
            place = Place(place.began, place.done | {entry.id: entry.at})
            self._keep(place)  # after each: a process that is killed tells one of them twice, not all
        return posted

    def _new(self, place: Place, tables: Collection[str], now: datetime) -> Sequence[LedgerEntry]:
        found = self._ledger.entries(since=max(place.began, now - KEPT_FOR), kinds=self._kinds)
        new = [one for one in found if one.table in tables and one.id not in place.done and is_news(one)]
        return sorted(new, key=lambda one: (one.at, one.id))[:MOST_AT_ONCE]

    def _place(self, now: datetime) -> Place:
        try:
            place = msgspec.json.decode(self._path.read_bytes(), type=Place)
        except FileNotFoundError:
            place = Place(now)  # what was before is no news
        except msgspec.MsgspecError as error:
            log.warning("%s cannot be read, so that only what comes from now on is told: %s", self._path, error)
            place = Place(now)
        place = Place(place.began, {known: at for known, at in place.done.items() if at >= now - 2 * KEPT_FOR})
        self._keep(place)
        return place

    def _keep(self, place: Place) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(place))
        fresh.replace(self._path)


def is_news(entry: LedgerEntry) -> bool:
    """False for the decision to do nothing."""
    return entry.kind != "decided" or entry.evidence.get("action") != "nothing"
