"""A store with so many predictions in it, evenly over the last hours, and the small model that made them.

The first go through the wire, as in service, and make the table and its indexes. The others are written into the
embedded store's SQLite file while it is stopped: its wire takes a quarter of a millisecond a document.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from model_orchestration.data.split import split
from model_orchestration.search.candidate import bundler, search_data
from model_orchestration.search.sweep import Fit, objective
from tabular.adapters.mongo.documents import document_of
from tabular.adapters.mongo.predictions import MongoPredictions
from tabular.contract.loading import load_contract
from tabular.data.synthetic import make_table
from tabular.data.table import clean, public_records, read_csv
from tabular.model.bundle import REFERENCE_SCORE, read_bundle
from tabular.predictions.prediction import Prediction

RUN = "a" * 32
DATABASE = "watching"
SPAN = timedelta(hours=20)
TABLE_ROWS, WIRED_ROWS = 50_000, 2_000
SEED, PARAMS = 42, {"learning_rate": 0.1, "max_depth": 3}
INSERT = "INSERT INTO data (_id, data) VALUES (?, ?)"


def make_model(contract_file: Path, csv: Path | None, folder: Path) -> None:
    """A small model's bundle, and the rows to predict beside it."""
    contract = load_contract(contract_file)
    table = clean(contract, read_csv(csv.read_bytes() if csv else make_table(contract, TABLE_ROWS, seed=7)))
    parts = split(table, SEED)
    trial = Fit(search_data(contract, parts), objective(contract), SEED)(0, PARAMS)
    (folder / "bundles" / RUN).mkdir(parents=True)
    bundler(contract, parts, SEED).write(trial, folder / "bundles" / RUN, {})
    (folder / "rows.json").write_bytes(msgspec.json.encode(public_records(contract, table.features)))


def through_the_wire(uri: str, state: Path, rows: int) -> None:
    """The newest of so many predictions."""
    store = MongoPredictions(uri, DATABASE)
    store.save(list(predictions(state, rows, 0, min(rows, WIRED_ROWS))))
    store.close()


def into_the_file(folder: Path, state: Path, rows: int) -> None:
    """The rest of them; raises SystemExit if this is no longer how the store writes a prediction down."""
    database = sqlite3.connect(folder / f"{DATABASE}.db")
    try:
        text = database.execute("SELECT data FROM data LIMIT 1").fetchone()[0]
        sample = json.loads(text, object_hook=_moment)
        if json.loads(text) != json.loads(_text(sample)):
            raise SystemExit(f"the embedded store writes a prediction in another way than benchmarks/watching: {text}")
        documents = (document_of(one) for one in predictions(state, rows, WIRED_ROWS, rows))
        with database:
            database.executemany(INSERT, ((document["_id"], _text(document)) for document in documents))
    finally:
        database.close()


def predictions(state: Path, rows: int, first: int, end: int) -> Iterator[Prediction]:
    """Of so many, newest first, those from `first` to before `end`."""
    bundle = read_bundle(state / "bundles" / RUN)
    bodies = json.loads((state / "rows.json").read_bytes())
    scores = bundle.reference()[REFERENCE_SCORE].to_list()
    now, step = datetime.now(UTC), SPAN / rows
    for at in range(first, end):
        yield Prediction(
            id=str(uuid.uuid4()),
            made_at=now - at * step,
            table=bundle.contract.table.name,
            run_id=RUN,
            contract=bundle.contract.digest,
            source="api" if at % 3 else "stream",
            row=bodies[(at * 7919) % len(bodies)],
            score=scores[(at * 7919) % len(scores)],
        )


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, default=_date)


def _date(moment: datetime) -> dict[str, str]:
    milliseconds = moment.microsecond // 1_000 * 1_000
    return {"$date": moment.replace(microsecond=milliseconds, tzinfo=None).isoformat(timespec="microseconds")}


def _moment(found: dict[str, Any]) -> object:
    return datetime.fromisoformat(found["$date"]).replace(tzinfo=UTC) if "$date" in found else found
