"""Drift detection and the monitor: false alarms, power, and what a check and a report cost, beside Evidently's preset.

    python -m benchmarks.quality [--csv data/BankChurners.csv] [--contract contracts/credit_card_churn.toml]
                                 [--repeats 100] [--peer-repeats 20] [--months 200]
                                 [--only drift|small|alarm|quality-alarm|measuring|monitoring]
                                 [--rows 1000 10000 100000 1000000] [--peer-rows 100000]

Drift: each repeat splits the table anew: 2,000 rows are the reference, the window comes from the others, so that
nothing has drifted but what is planted. Without a table, a synthetic one stands in. Small: the same beside tables of
150 rows, which are their own reference. Quality-alarm: labelled predictions, as they are and with outcomes flipped.
Measuring: the quality of windows of up to 100,000 labelled predictions. Monitoring: one check of the
monitor and one report over a store that holds the largest of `--rows`. The peer reads the same window with pymongo,
all of it, and gives it to Evidently's drift preset as it is shipped; its report is Evidently's page. Each measurement
is a process of its own: CPU and memory are that process', "store CPU" is what the store spent on it. A check is the
second one: the first also imports Evidently.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from benchmarks.harness.arguments import arguments
from benchmarks.harness.model import CONTRACT
from benchmarks.harness.results import Table, save
from benchmarks.quality import (
    alarm_delays,
    alarms,
    detectors,
    measuring,
    monitoring,
    quality_alarm,
    small_reference,
)
from tabular.contract.loading import load_contract
from tabular.contract.types import Contract
from tabular.data.reading import read_table
from tabular.data.synthetic import make_table
from tabular.data.table import CleanTable, clean

TABLE_ROWS, STREAM_ROWS_A_REPEAT = 10_000, 150
PARTS = ("drift", "small", "alarm", "quality-alarm", "measuring", "monitoring")


def main() -> None:
    """Measure, print the tables, leave the result."""
    given = arguments(
        {"only": PARTS},
        csv=Path("data/BankChurners.csv"),
        contract=CONTRACT,
        repeats=100,
        peer_repeats=20,
        months=200,
        windows=(1_000, 10_000, 100_000, 1_000_000),
        rows=(1_000, 10_000, 100_000, 1_000_000),
        peer_rows=100_000,
        only=PARTS,
    )
    warnings.simplefilter("ignore")
    parts = {
        "drift": drift,
        "small": small,
        "alarm": alarm,
        "quality-alarm": quality_alarm_tables,
        "measuring": lambda _: [measuring.costs()],
        "monitoring": lambda given: monitoring.tables(given.rows, given.peer_rows),
    }
    save("quality", *(table for name in given.only for table in parts[name](given)))


def drift(given: argparse.Namespace) -> list[Table]:
    """What a comparison costs, and how often it flags what."""
    contract = load_contract(given.contract)
    table = _table(contract, given).features.reset_index(drop=True)
    costs = detectors.cost(table, contract, given.windows)
    rates = alarms.rates(table, contract, given.repeats, given.peer_repeats)
    stream_rows = STREAM_ROWS_A_REPEAT * given.repeats + alarms.CHECK_WINDOW
    others = [*alarms.checks(table, contract, stream_rows), *alarms.sampled(contract, given.repeats)]
    return [costs, rates, Table("How often checks and samples are flagged", others)]


def small(given: argparse.Namespace) -> list[Table]:
    """How often a comparison with the reference of a small table flags what."""
    contract = load_contract(given.contract)
    return [small_reference.small_rates(_table(contract, given), contract, given.repeats)]


def alarm(given: argparse.Namespace) -> list[Table]:
    """How often the alarm errs, and how soon it finds what."""
    contract = load_contract(given.contract)
    features = _table(contract, given).features.reset_index(drop=True)
    return alarm_delays.tables(features, contract, given.months)


def quality_alarm_tables(given: argparse.Namespace) -> list[Table]:
    """How often the alarm on quality errs, and how soon it finds a concept drift."""
    contract = load_contract(given.contract)
    return quality_alarm.tables(_table(contract, given), contract, given.months)


def _table(contract: Contract, given: argparse.Namespace) -> CleanTable:
    body = given.csv.read_bytes() if given.csv.exists() else make_table(contract, TABLE_ROWS, 42)
    table = clean(contract, read_table(body).cells)
    print(f"{contract.table.title}: {len(table):,} rows of {given.csv if given.csv.exists() else 'a synthetic table'}")
    return table


if __name__ == "__main__":
    main()
