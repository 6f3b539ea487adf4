"""From which time on the predictions of a table are needed, and by whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from model_orchestration.retention.part import Limit
from tabular.contract.types import Contract
from tabular.errors import NotFound
from tabular.ports.blocks import BlockStore
from tabular.ports.ledger import Ledger
from tabular.ports.predictions import PredictionReader
from tabular.ports.registry import CHALLENGER, CHAMPION, PREVIOUS, ModelRegistry
from tabular.ports.shadow import ShadowStore
from tabular.predictions.block import Block
from tabular.settings import Settings

CLOCKS = timedelta(hours=1)
"""Beyond what is asked for: what came in late, and clocks that differ."""
BLOCKS_READ = timedelta(days=90)


@dataclass(frozen=True)
class Surroundings:
    """What is asked about a table: what serves, what is compared, what was read of its predictions."""

    contract: Contract
    settings: Settings
    registry: ModelRegistry
    ledger: Ledger
    predictions: PredictionReader
    shadow: ShadowStore
    blocks: BlockStore[Block]

    @property
    def table(self) -> str:
        """The table's name."""
        return self.contract.table.name

    def standing_on(self, alias: str) -> str | None:
        """The run that an alias stands on, or None; raises Unavailable."""
        try:
            return self.registry.alias(alias)
        except NotFound:
            return None


def limits(asked: Surroundings, now: datetime) -> list[Limit]:
    """Everything that needs predictions, with the time from which on; raises Unavailable.

    A part that cannot be asked stops the deletion: what is not known may be needed.
    """
    settings = asked.settings
    days, window = settings.retention_predictions_days, asked.contract.table.label_window_days
    fixed = [
        Limit(now - timedelta(days=days), f"by RETENTION_PREDICTIONS_DAYS={days:g}"),
        Limit(now - timedelta(days=window) - CLOCKS, f"labels may come (label_window_days={window:g})"),
        Limit(now - timedelta(hours=settings.report_window_hours) - CLOCKS, "reports read them (REPORT_WINDOW_HOURS)"),
    ]
    return [*fixed, *comparisons(asked, now), *_of_the_monitor(asked, now)]


def comparisons(asked: Surroundings, now: datetime) -> Iterator[Limit]:
    """The comparisons in the shadow that go on, from the first prediction that counts in them; raises Unavailable."""
    for run_id in compared_runs(asked, now):
        progress = asked.shadow.progress(asked.table, run_id)
        # It was not begun yet, or by a clock that runs behind: as far back as it may reach.
        longest = now - timedelta(days=max(asked.settings.shadow_max_days, asked.settings.shadow_previous_days))
        since = min(progress.since, progress.position) if progress else longest
        yield Limit(since - CLOCKS, f"run {run_id} is compared in the shadow")


def compared_runs(asked: Surroundings, now: datetime) -> list[str]:
    """The runs that are in the shadow: the challenger, and the champion of before as long as it may come back."""
    found = [asked.standing_on(CHALLENGER)]
    last = next(iter(asked.ledger.entries(asked.table, kinds=("promoted", "rolled_back"), limit=1)), None)
    if last is not None and now - last.at < timedelta(days=asked.settings.shadow_previous_days):
        found.append(asked.standing_on(PREVIOUS))
    return [run_id for run_id in found if run_id is not None]


def _of_the_monitor(asked: Surroundings, now: datetime) -> Iterator[Limit]:
    """Its windows of the champion's newest predictions, and what no block of it says yet; raises Unavailable."""
    champion = asked.standing_on(CHAMPION)
    if champion is None:
        return
    settings = asked.settings
    newest = asked.predictions.latest(settings.monitor_window_rows, champion, table=asked.table)
    if newest:
        yield Limit(newest[-1].made_at, "they are the champion's newest, which are monitored (MONITOR_WINDOW_ROWS)")
    labelled = asked.predictions.labelled_latest(settings.monitor_quality_rows, champion)
    if labelled:
        oldest = min(one.made_at for one in labelled)
        yield Limit(oldest, "quality is measured on the champion's newest labels (MONITOR_QUALITY_ROWS)")
    blocks: Sequence[Block] = asked.blocks.blocks(champion, now - BLOCKS_READ)
    if blocks:
        yield Limit(max(block.until for block in blocks), "no block of the timeline says them yet")
