"""What the front page shows of one table, read from the stores and put beside what its services say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from reporting.front_page.health import HealthPoint, HealthTimeline
from reporting.front_page.health_reader import HealthReader
from reporting.front_page.live import LiveRun
from reporting.front_page.paced import Paced
from reporting.front_page.served import Served
from reporting.history.publish import read_history
from reporting.history.timeline import History
from tabular.ledger.entry import LedgerEntry
from tabular.ledger.live import CHANGES, champion_after
from tabular.ports.blocks import BlockStore
from tabular.ports.ledger import Ledger
from tabular.ports.predictions import PredictionReader
from tabular.predictions.block import Block
from tabular.predictions.loss_block import LossBlock

MAX_REPORTS = 10
MINUTES, RATE_MINUTES = 60, 5
READ_FOR_RATES = 5_000


@dataclass(frozen=True)
class Stores:
    """Where a table's predictions, decisions and health are read, and the folder of the report pages."""

    predictions: PredictionReader
    ledger: Ledger
    blocks: BlockStore[Block]
    loss_blocks: BlockStore[LossBlock]
    reports_dir: Path


@dataclass(frozen=True)
class TableView:
    """One table as the page shows it.

    `served` is None where the API does not say. `champion` is the ledger's newest change. `by_minute` counts the
    predictions of the last hour by minute and source. `health` and `labelled_health` are oldest first.
    """

    name: str
    title: str
    served: Served | None
    champion: LedgerEntry | None
    data_version: str
    live: Sequence[LiveRun]
    by_minute: Mapping[tuple[datetime, str], int]
    history: History
    health: Sequence[HealthPoint]
    labelled_health: Sequence[HealthPoint]
    reports: Sequence[Mapping[str, Any]]
    read_at: datetime

    @property
    def champion_run(self) -> str:
        """The run that is champion by the ledger; empty if none is."""
        return (champion_after(self.champion) or "") if self.champion is not None else ""

    @property
    def rates(self) -> dict[str, float]:
        """Predictions a minute by source, in the last full minutes."""
        until = self.read_at.replace(second=0, microsecond=0)
        since = until - timedelta(minutes=RATE_MINUTES)
        found: Counter[str] = Counter()
        for (minute, source), count in self.by_minute.items():
            found[source] += count if since <= minute < until else 0
        return {source: found[source] / RATE_MINUTES for source in sorted(found)}


class TableReader:
    """Reads one table again and again; what a store holds much of is read seldom, or only what is new of it."""

    def __init__(self, name: str, title: str, stores: Stores) -> None:
        self.name, self.title = name, title
        self._stores = stores
        self._health, self._labelled_health = HealthTimeline(), HealthTimeline()
        of_predictions = HealthReader(stores.blocks, name, self._health)
        of_labels = HealthReader(stores.loss_blocks, name, self._labelled_health)
        self._read_health = [Paced(of_predictions.read), Paced(of_labels.read)]
        self._reports = Paced(lambda: stores.predictions.reports(MAX_REPORTS, name))
        self._now: datetime
        self._by_minute = Paced(self._read_by_minute)
        self._history = Paced(lambda: read_history(stores.ledger, stores.predictions, name, title, self._now))

    def read(self, served: Served | None, live: Sequence[LiveRun], now: datetime) -> TableView:
        """The table as it is now; raises Unavailable without the store."""
        self._now = now
        for health in self._read_health:
            health.get()
        history, health_points = self._history.get(), self._health.points
        begun = min([history.since, *(point.since for point in health_points)])
        return TableView(
            name=self.name,
            title=self.title,
            served=served,
            champion=next((entry for entry in history.entries if entry.kind in CHANGES), None),
            data_version=_data_version(history.entries, served),
            live=live,
            by_minute=self._by_minute.get(),
            history=replace(history, since=begun, until=now),
            health=health_points,
            labelled_health=self._labelled_health.points,
            reports=[row for row in self._reports.get() if self._is_there(row)],
            read_at=now,
        )

    def _read_by_minute(self) -> Mapping[tuple[datetime, str], int]:
        since = self._now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES)
        return self._stores.predictions.by_minute(since, self._now, READ_FOR_RATES, self.name)

    def _is_there(self, row: Mapping[str, Any]) -> bool:
        return (self._stores.reports_dir / Path(str(row.get("file", ""))).name).is_file()


def _data_version(entries: Sequence[LedgerEntry], served: Served | None) -> str:
    """The version of the data that the served run was trained on, as the ledger has it; empty if it does not."""
    about = (entry for entry in entries if served is not None and entry.run_id == served.run_id)
    return next((str(entry.evidence["data_version"]) for entry in about if entry.evidence.get("data_version")), "")
