"""A file of labels: CSV or Parquet, its columns named as the fields of a label in a request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pandas as pd

from tabular.contract.types import Contract
from tabular.data.reading import read_table
from tabular.errors import Fault, InvalidRow, InvalidTable
from tabular.labels.reading import ID, OBSERVED_AT, OUTCOME, LabelReader, Labels

MAX_FAULTS_SHOWN = 10


def read_label_file(body: bytes, contract: Contract, received_at: datetime) -> Labels:
    """The labels of a file; raises InvalidTable naming the columns that lack, or the rows at fault, from 1.

    Columns that are no field of a label are ignored. A row with no label is blank, whatever else it holds.
    """
    reader, table = LabelReader(contract, "file"), read_table(body).cells
    whose = [name for name in (ID, reader.key) if name and name in table]
    needed = f"a file of labels has the columns {ID}{f' or {reader.key}' if reader.key else ''}, and {OUTCOME}"
    absent = [] if whose else [Fault(ID, "is missing from the file", needed)]
    absent += [] if OUTCOME in table else [Fault(OUTCOME, "is missing from the file", needed)]
    if absent:
        raise InvalidTable("nothing was attached", absent)
    columns = [*whose, OUTCOME, *([OBSERVED_AT] if OBSERVED_AT in table else [])]
    try:
        return reader.read_all(_records(table[columns], contract), received_at, first_row=1)
    except InvalidRow as error:
        faults = error.faults[:MAX_FAULTS_SHOWN]
        raise InvalidTable(error.message, faults, error.fault_count - len(faults)) from None


def _records(table: pd.DataFrame, contract: Contract) -> Iterator[dict[str, object]]:
    names = list(table.columns)
    may_have_no_id = len({*names} - {ID, OUTCOME, OBSERVED_AT}) > 0
    for values in table.itertuples(index=False, name=None):
        record = dict(zip(names, values, strict=True))
        if contract.is_missing(record[OUTCOME]):
            record = _BLANK
        elif may_have_no_id and contract.is_missing(record.get(ID)):
            record = {**record, ID: None}
        yield record


_BLANK: dict[str, object] = {ID: "blank", OUTCOME: None}
"""Whatever else a row holds whose outcome is not known yet."""
