"""The alarms of each run that is monitored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from monitoring.alarms.kinds import Alarm, Kind
from monitoring.alarms.labels import LabelWatch
from monitoring.alarms.predictions import PredictionWatch
from monitoring.alarms.record import AlarmRecord
from monitoring.alarms.watch import Watch
from tabular.ledger.entry import LedgerEntry
from tabular.model.bundle import Bundle
from tabular.ports.blocks import BlockStore
from tabular.ports.ledger import Ledger
from tabular.ports.predictions import PredictionReader
from tabular.predictions.block import Block
from tabular.predictions.loss_block import LossBlock

MAX_BLOCKS_A_CHECK = 20
"""After an outage the monitor catches up in so large steps, so that its gauges go on."""
MEMORY_DAYS = 30


@dataclass(frozen=True)
class AlarmStores:
    """Where predictions and labels are read, where blocks are kept, where alarms are entered, and what hears of one.

    `raised` is called once with the entry of each alarm that was raised, after it is in the ledger, and must not wait.
    """

    predictions: PredictionReader
    blocks: BlockStore[Block]
    loss_blocks: BlockStore[LossBlock]
    ledger: Ledger
    raised: Callable[[LedgerEntry], object] = lambda _: None


class Alarms:
    """Closes blocks and keeps the detectors of each run of one table that is monitored."""

    def __init__(self, stores: AlarmStores, table: str, block_seconds: float) -> None:
        self._stores = stores
        self._record = AlarmRecord(stores.ledger, table, stores.raised)
        self._block_seconds = block_seconds
        self._runs: dict[str, list[Watch[Any]]] = {}

    def check(self, run_id: str, bundle: Bundle, oldest: datetime, now: datetime) -> Mapping[Kind, Alarm]:
        """The alarms of a run with what is new; `oldest` is where its first block begins. Raises Unavailable."""
        watches = self._runs.get(run_id) or self._restored(run_id, bundle, oldest, now)
        self._runs[run_id] = watches
        for watch in watches:
            self._record.tell(run_id, watch.alarms(), now)
            for _ in range(MAX_BLOCKS_A_CHECK):
                if not watch.close_next(now):
                    break
                self._record.tell(run_id, watch.alarms(), now)
        return {kind: alarm for watch in watches for kind, alarm in watch.alarms().items()}

    def forget_all_but(self, run_ids: set[str], now: datetime) -> None:
        """Keep nothing of runs that are no longer monitored: the store has their blocks. Raises Unavailable."""
        self._record.end_all_but(run_ids, now)
        self._runs = {run_id: watches for run_id, watches in self._runs.items() if run_id in run_ids}

    def _restored(self, run_id: str, bundle: Bundle, oldest: datetime, now: datetime) -> list[Watch[Any]]:
        stores, seconds = self._stores, self._block_seconds
        of_predictions = PredictionWatch(run_id, bundle, (stores.predictions, stores.blocks), oldest, seconds)
        of_labels = LabelWatch(run_id, bundle, (stores.predictions, stores.loss_blocks), oldest, seconds)
        for watch in (of_predictions, of_labels):
            watch.restore(now - timedelta(days=MEMORY_DAYS))
        return [of_predictions, of_labels]
