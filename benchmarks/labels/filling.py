"""An embedded store with so many predictions, each of a business key.

The first are saved as in service, which makes the collections and their indexes. The others are written into the SQLite
file of the store while it is stopped: over its wire protocol a million take ten minutes.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tabular.adapters.mongo.documents import document_of, microseconds
from tabular.predictions.prediction import Prediction
from tabular.settings import Settings
from tabular.wiring import Wiring

DATABASE, TABLE = "labelled", "churn"
SAVED_ROWS = 500
SPAN = timedelta(days=20)
NOW = datetime.now(UTC)
ROW = {f"feature_{at}": 1_000.5 + at for at in range(11)}


def save(uri: str, rows: int, keys: int) -> None:
    """The first of so many predictions, through the store."""
    store = Wiring(Settings(mongo_uri=uri, mongo_database=DATABASE)).predictions()
    store.save([prediction(at, rows, keys) for at in range(SAVED_ROWS)])
    store.close()


def write_into_the_file(folder: Path, rows: int, keys: int) -> None:
    """The rest of them, with their keys; raises SystemExit if the store writes documents in another way."""
    database = sqlite3.connect(folder / f"{DATABASE}.db")
    try:
        made = [prediction(at, rows, keys) for at in range(SAVED_ROWS, rows)]
        _insert(database, "data", map(document_of, made), document_of(prediction(0, rows, keys)))
        _insert(database, "business_keys", _keys(made), {})
    finally:
        database.close()


def prediction(at: int, rows: int, keys: int) -> Prediction:
    """The prediction of this number; keys come round again, so that each has predictions of several days."""
    return Prediction(
        id=id_of(at),
        made_at=NOW - SPAN + at * (SPAN / rows),
        table=TABLE,
        run_id="run",
        contract="c" * 64,
        source="api",
        row=dict(ROW),
        score=0.25,
        business_key=key_of(at, keys),
    )


def id_of(at: int) -> str:
    """Ids of the length of a UUID."""
    return f"{at * 2_654_435_761 % 2**32:08x}-0000-4000-8000-{at:012x}"


def key_of(at: int, keys: int) -> str:
    """The key of a prediction: of so many keys in turn; those saved through the store have keys of their own."""
    return f"S-{at}" if at < SAVED_ROWS else f"C-{(at - SAVED_ROWS) % keys}"


def _keys(made: list[Prediction]) -> Iterator[dict[str, Any]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in made:
        found[f"{TABLE} {one.business_key}"].append(f"{microseconds(one.made_at)} {one.id}")
    return ({"_id": known, "predictions": entries} for known, entries in found.items())


def _insert(database: sqlite3.Connection, name: str, documents: Any, known: Mapping[str, Any]) -> None:
    (text,) = database.execute(f"SELECT data FROM {name} LIMIT 1").fetchone()
    keys = json.loads(text).keys()
    if known and keys != json.loads(_text(known)).keys():
        raise SystemExit(f"the embedded store writes {name} in another way than benchmarks/labels: {text}")
    with database:
        rows = ((one["_id"], _text(one)) for one in documents)
        database.executemany(f"INSERT INTO {name} (_id, data) VALUES (?, ?)", rows)


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, default=_date)


def _date(moment: datetime) -> dict[str, str]:
    milliseconds = moment.microsecond // 1_000 * 1_000
    return {"$date": moment.replace(microsecond=milliseconds, tzinfo=None).isoformat(timespec="microseconds")}
