"""Print the rows of a table, each with its outcome, for a simulator: python -m simulation_business.table_rows."""

from __future__ import annotations

import argparse
import sys

import msgspec
import pandas as pd

from simulation_business.rows import Row
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.reading import read_table
from tabular.data.table import CleanTable, public_records
from tabular.encoding.business_key import key_reader
from tabular.errors import Fault, TabularError
from tabular.ports.objects import Objects
from tabular.wiring import wire

MAX_ROWS = 50_000
"""Of a larger table so many rows are drawn, always the same ones: about 15 megabytes on disk."""


def main() -> int:
    """Print the rows as JSON, one a line; 1 with the reason if there are none."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", required=True)
    try:
        wiring = wire().for_table(parser.parse_args().table)
        for row in rows_of(wiring.objects(), wiring.contract):
            sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def rows_of(objects: Objects, contract: Contract) -> list[Row]:
    """The rows of the latest version, MAX_ROWS at most; raises what `feature_store.load` does."""
    version = feature_store.latest(objects, contract)
    table = feature_store.load(objects, contract, version.sha256).sample(MAX_ROWS)
    keys = _keys(objects, contract, version.sha256, table)
    every = zip(public_records(contract, table.features), table.raw_target.tolist(), keys, strict=True)
    return [
        Row(number=at, record=record, outcome=outcome, business_key=key)
        for at, (record, outcome, key) in enumerate(every)
    ]


def _keys(objects: Objects, contract: Contract, sha256: str, table: CleanTable) -> list[str | None]:
    """The business keys of the rows: what the original has in the id column."""
    version, column = feature_store.find_version(objects, contract, sha256), contract.table.id_column
    if contract.table.business_key is None or column is None or column not in version.columns:
        return [None] * len(table)
    cells, _ = read_table(feature_store.fetch(objects, contract, sha256), version.written_as)
    read = key_reader(contract)
    found = (read(None if pd.isna(cell) else cell) for cell in cells[column].loc[table.features.index].tolist())
    return [None if isinstance(key, Fault) else key for key in found]


if __name__ == "__main__":
    sys.exit(main())
