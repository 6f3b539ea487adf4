"""Drift: false alarms, power, and cost, ours beside Evidently's preset as it is shipped.

    python -m benchmarks.drift [--csv data/BankChurners.csv] [--contract contracts/credit_card_churn.toml]
                               [--repeats 100] [--peer-repeats 20]

Each repeat splits the table anew: 2,000 rows are the reference, the window comes from the others, so that nothing has
drifted but what is planted. Without a table, a made-up one stands in.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from benchmarks.drift import alarms, cost
from benchmarks.model import CONTRACT
from benchmarks.results import Table, save
from tabular.contract.loading import load_contract
from tabular.data.synthetic import make_table
from tabular.data.table import clean, read_csv

TABLE_ROWS, STREAM_ROWS_A_REPEAT = 10_000, 150


def main() -> None:
    """Measure, print the tables, leave the result."""
    given = parse()
    warnings.simplefilter("ignore")
    contract = load_contract(given.contract)
    body = given.csv.read_bytes() if given.csv.exists() else make_table(contract, TABLE_ROWS, 42)
    table = clean(contract, read_csv(body)).features.reset_index(drop=True)
    print(f"{contract.table.title}: {len(table):,} rows of {given.csv if given.csv.exists() else 'a made-up table'}")
    costs = cost.table(table, contract, given.windows)
    rates = alarms.rates(table, contract, given.repeats, given.peer_repeats)
    stream_rows = STREAM_ROWS_A_REPEAT * given.repeats + alarms.LOOK_WINDOW
    others = [*alarms.looks(table, contract, stream_rows), *alarms.sampled(contract, given.repeats)]
    save("drift", costs, rates, Table("How often looks and samples are flagged", others))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, default=Path("data/BankChurners.csv"))
    parser.add_argument("--contract", type=Path, default=CONTRACT)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--peer-repeats", type=int, default=20)
    parser.add_argument("--windows", type=int, nargs="+", default=(1_000, 10_000, 100_000, 1_000_000))
    return parser.parse_args()


if __name__ == "__main__":
    main()
