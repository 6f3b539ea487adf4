"""The rows of a table in a report: of a version in the feature store, or of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reporting.comparison.rows import Rows, labels_in
from reporting.comparison.source import Source
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.data.input_frame import input_frame
from tabular.data.reading import read_table
from tabular.data.table import CleanTable, clean, clean_features
from tabular.data.versions.naming import find
from tabular.errors import InvalidSetting
from tabular.model.bundle import REFERENCE_TARGET
from tabular.ports.objects import Objects
from tabular.quality.version_drift import MAX_ROWS

SHA256_DIGITS = 12


@dataclass(frozen=True)
class TablesOf:
    """What reads versions of a table, and files, under its contract."""

    contract: Contract
    objects: Objects

    def read(self, source: Source, read_as: Contract) -> ReadTable:
        """The rows of a version or a file, cleaned by the contract `read_as`, which may have learnt categories.

        Raises NotFound and Rejected for a version, InvalidSetting and InvalidTable for a file, and Unavailable.
        """
        if source.file:
            return _of_file(Path(source.file), read_as)
        version = find(self.objects, self.contract, source.version)
        table = feature_store.load(self.objects, self.contract, version.sha256, read_as)
        known = f" ({source.version})" if not version.sha256.startswith(source.version) else ""
        title = f"version {version.sha256[:SHA256_DIGITS]}{known}"
        return ReadTable(title, f"from {version.source}", table, synthetic=version.synthetic)


@dataclass(frozen=True)
class ReadTable:
    """Rows of a table; a file may have no target."""

    title: str
    detail: str
    table: CleanTable
    has_target: bool = True
    synthetic: bool = False

    def rows(self, contract: Contract, slices: Sequence[str]) -> Rows:
        """Them as rows of the contract by which they were read, or what that has learnt, at most MAX_ROWS of them."""
        some = self.table.sample(MAX_ROWS)
        frame = input_frame(contract, some.features)
        if self.has_target:
            frame[REFERENCE_TARGET] = some.target
        columns = {name: some.features[name] if name in some.features else frame.get(name) for name in slices}
        there = {name: values for name, values in columns.items() if values is not None}
        labels = labels_in(pd.DataFrame(there), slices, self.title)
        return Rows(self.title, frame, labels, self._detail(some), synthetic=self.synthetic)

    def _detail(self, some: CleanTable) -> str:
        notes = [self.detail]
        if len(some) < len(self.table):
            notes.append(f"read is a uniform sample of {len(some):,} of {len(self.table):,} rows")
        if self.table.dropped.count:
            notes.append(f"{self.table.dropped.count:,} rows are not valid under the contract and are left out")
        if self.table.rows_left_out:
            notes.append(f"{self.table.rows_left_out:,} rows are left out by the contract's filters")
        return "; ".join([*notes, *([] if self.has_target else ["it has no target"])])


def _of_file(path: Path, contract: Contract) -> ReadTable:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise InvalidSetting(f"file={str(path)!r} cannot be read: {error.strerror}") from error
    raw = read_table(body, contract.source).cells
    has_target = all(column in raw for column in contract.target.columns)
    table = clean(contract, raw) if has_target else clean_features(contract, raw)
    return ReadTable(f"file {path.name}", "a file", table, has_target)
