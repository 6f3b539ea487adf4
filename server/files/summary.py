"""The summary of a scored file, and the publishing of all that belongs to it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from server.files.output import faults_path, format_of, join_faults, join_scores, publish_bytes, summary_path
from server.files.parts import Parts


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file: every row of it is scored or faulty.

    `faults` counts what is wrong with the faulty rows, `warned` the scored ones with a warning, `stored` the
    predictions that the store did not have yet (None if none were to be stored), and `resumed` the rows that were
    dealt with before this run began.
    """

    file: str
    file_sha256: str
    table: str
    run_id: str
    bundle: str
    scored: int
    faulty: int
    faults: int
    warned: int
    stored: int | None
    resumed: int
    seconds: float
    ended_at: datetime
    out: str

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return self.scored + self.faulty

    @property
    def rows_per_second(self) -> float:
        """How many rows this run dealt with in a second."""
        return (self.rows - self.resumed) / max(self.seconds, 1e-9)


def publish(summary: Summary, parts: Parts, count: int, schema: pa.Schema) -> None:
    """Make the files of so many parts, those that stand there replaced: faults, then scores, then the summary."""
    out = Path(summary.out)
    if summary.faults:
        join_faults(map(parts.faults, range(count)), faults_path(out))
    else:
        faults_path(out).unlink(missing_ok=True)
    join_scores([parts.scores(number) for number in range(count)], schema, out, format_of(out))
    publish_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n", summary_path(out))


def lines(summary: Summary) -> list[tuple[str, str]]:
    """The summary for a person, as pairs of a word and a text."""
    out = Path(summary.out)
    found = [
        ("file", f"{summary.file}, {summary.rows:,} rows of the table {summary.table}"),
        ("model", f"run {summary.run_id}, bundle {summary.bundle[:12]}"),
        (
            "scored",
            f"{summary.scored:,} rows{f', {summary.warned:,} of them with a warning' if summary.warned else ''}",
        ),
    ]
    if summary.resumed:
        found.append(("resumed", f"{summary.resumed:,} rows were scored by an earlier run that did not end"))
    if summary.faulty:
        faults = f"{summary.faults:,} in rows that are left out, {summary.faulty:,} of them: see {faults_path(out)}"
        found.append(("faults", faults))
    if summary.stored is not None:
        found.append(("stored", f"{summary.stored:,} new predictions of the source batch"))
    speed = f"{summary.seconds:.1f} s, {summary.rows_per_second:,.0f} rows/s"
    return [*found, ("time", speed), ("out", str(out))]
