"""A store with so many predictions in it, evenly over the last hours.

The first are saved as in service, which makes the collection and its indexes. The others are written into the embedded
store's SQLite file while it is stopped: over its wire protocol a million take five minutes.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.harness.model import RUN_ID, Made
from tabular.adapters.mongo.documents import document_of
from tabular.predictions.prediction import Prediction
from tabular.settings import Settings
from tabular.wiring import Wiring

DATABASE = "monitoring"
SPAN = timedelta(hours=20)
SAVED_ROWS = 2_000
INSERT = "INSERT INTO data (_id, data) VALUES (?, ?)"


def save(uri: str, made: Made, rows: int) -> None:
    """The newest of so many predictions, through the store."""
    store = Wiring(Settings(mongo_uri=uri, mongo_database=DATABASE)).predictions()
    store.save(list(predictions(made, rows, 0, min(rows, SAVED_ROWS))))
    store.close()


def write_into_the_file(folder: Path, made: Made, rows: int) -> None:
    """The rest of them; raises SystemExit if the store writes a prediction in another way than this does."""
    database = sqlite3.connect(folder / f"{DATABASE}.db")
    try:
        text = database.execute("SELECT data FROM data LIMIT 1").fetchone()[0]
        if json.loads(text) != json.loads(_text(json.loads(text, object_hook=_moment))):
            raise SystemExit(f"the embedded store writes a prediction in another way than benchmarks/quality: {text}")
        documents = map(document_of, predictions(made, rows, SAVED_ROWS, rows))
        with database:
            database.executemany(INSERT, ((document["_id"], _text(document)) for document in documents))
    finally:
        database.close()


def predictions(made: Made, rows: int, first: int, end: int) -> Iterator[Prediction]:
    """Of so many, newest first, those from `first` to before `end`."""
    now, step = datetime.now(UTC), SPAN / rows
    for at in range(first, end):
        row = at * 7919 % len(made.records)
        yield Prediction(
            id=str(uuid.uuid4()),
            made_at=now - at * step,
            table=made.bundle.contract.table.name,
            run_id=RUN_ID,
            contract=made.bundle.contract.digest,
            source="api" if at % 3 else "stream",
            row=made.records[row],
            score=made.scores[row],
        )


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, default=_date)


def _date(moment: datetime) -> dict[str, str]:
    milliseconds = moment.microsecond // 1_000 * 1_000
    return {"$date": moment.replace(microsecond=milliseconds, tzinfo=None).isoformat(timespec="microseconds")}


def _moment(found: dict[str, Any]) -> object:
    return datetime.fromisoformat(found["$date"]).replace(tzinfo=UTC) if "$date" in found else found
