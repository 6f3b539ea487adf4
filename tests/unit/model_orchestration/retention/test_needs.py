"""From which time on predictions are needed: whatever asks for the most decides, and each says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from model_orchestration.retention.needs import Surroundings, compared_runs, limits
from model_orchestration.retention.part import cutoff
from tabular.errors import NotFound, Unavailable
from tabular.ledger.entry import LedgerEntry
from tabular.ports.registry import CHALLENGER, CHAMPION, PREVIOUS
from tabular.predictions.block import Block
from tabular.settings import Settings
from tabular.shadow.score import ShadowProgress
from tests.adapters.memory.blocks import MemoryBlocks
from tests.adapters.memory.ledger import MemoryLedger
from tests.adapters.memory.predictions import MemoryPredictions
from tests.adapters.memory.shadow import MemoryShadow
from tests.adapters.noon import prediction

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Aliases(dict):
    """What stands where, as the registry says it."""

    def alias(self, name: str) -> str:
        if name not in self:
            raise NotFound(name)
        return self[name]


@pytest.fixture
def asked(contract):
    settings = Settings(retention_predictions_days=1.0, monitor_window_rows=2, monitor_quality_rows=2)
    parts = (MemoryLedger(), MemoryPredictions(), MemoryShadow(), MemoryBlocks())
    return Surroundings(contract, settings, Aliases(), *parts)


def made(asked, *days: float, **changes) -> None:
    table = asked.contract.table.name
    asked.predictions.save(
        [prediction(id=f"p{day:g}", made_at=NOW - day * DAY, table=table, **changes) for day in days]
    )


def decided_by(asked) -> str:
    return min(limits(asked, NOW)).why


def test_labels_may_come_for_as_long_as_the_contract_says(asked, contract):
    assert "label_window_days" in decided_by(asked)
    window = timedelta(days=contract.table.label_window_days)
    assert NOW - window - DAY < cutoff(limits(asked, NOW)) < NOW - window


def test_the_setting_decides_once_it_is_the_longest(asked):
    asked = Surroundings(**{**vars(asked), "settings": Settings(retention_predictions_days=400.0)})
    assert cutoff(limits(asked, NOW)) == NOW - 400 * DAY


def test_the_reports_window_is_kept(asked):
    settings = Settings(retention_predictions_days=1.0, report_window_hours=24.0 * 365)
    assert "REPORT_WINDOW_HOURS" in decided_by(Surroundings(**{**vars(asked), "settings": settings}))


def test_the_champions_newest_are_monitored_however_old_they_are(asked):
    asked.registry[CHAMPION] = "run1"
    made(asked, 300, 200, 100, run_id="run1")
    made(asked, 50, 40, run_id="run2")
    assert cutoff(limits(asked, NOW)) == NOW - 200 * DAY
    assert "MONITOR_WINDOW_ROWS" in decided_by(asked)


def test_what_no_block_says_yet_is_kept(asked):
    asked.registry[CHAMPION] = "run1"
    made(asked, 0.2, 0.1, run_id="run1")
    end = NOW - 80 * DAY
    block = {"bundle": "b", "rows": 1, "read_rows": 1, "mean_score": None, "counted": (), "held": ()}
    asked.blocks.save(Block(table="t", run_id="run1", since=end - DAY, until=end, **block))
    assert cutoff(limits(asked, NOW)) == end


def progress(asked, run_id: str, since: datetime) -> None:
    table = asked.contract.table.name
    asked.shadow.save_progress(
        ShadowProgress(run_id=run_id, table=table, since=since, position=since + DAY, read_again=since)
    )


def test_a_comparison_keeps_all_from_its_beginning(asked):
    asked.registry[CHALLENGER] = "run2"
    progress(asked, "run2", NOW - 60 * DAY)
    assert "run2 is compared" in decided_by(asked)
    assert NOW - 61 * DAY < cutoff(limits(asked, NOW)) < NOW - 60 * DAY


def test_a_comparison_that_was_not_begun_keeps_as_far_back_as_one_may_last(asked):
    asked = Surroundings(**{**vars(asked), "settings": Settings(retention_predictions_days=1.0, shadow_max_days=90.0)})
    asked.registry[CHALLENGER] = "run2"
    assert cutoff(limits(asked, NOW)) < NOW - 90 * DAY


@pytest.mark.parametrize(("days_ago", "expected"), [(3, ["old"]), (8, [])])
def test_the_champion_of_before_is_compared_as_long_as_it_may_come_back(asked, days_ago, expected):
    asked.registry[PREVIOUS] = "old"
    at, table = NOW - days_ago * DAY, asked.contract.table.name
    asked.ledger.append(LedgerEntry(at=at, table=table, kind="promoted", run_id="new", who="a", why="b"))
    assert compared_runs(asked, NOW) == expected


@pytest.mark.parametrize("part", ["ledger", "shadow", "blocks"])
def test_what_cannot_be_asked_stops_the_deletion(asked, part):
    asked.registry.update({CHAMPION: "run1", CHALLENGER: "run2"})
    getattr(asked, part).is_down = True
    with pytest.raises(Unavailable):
        limits(asked, NOW)
