"""Reads the data sets of a request, each once, under one contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reporting.comparison.prediction_rows import PredictionsOf, ReadPredictions
from reporting.comparison.request import ReportRequest
from reporting.comparison.rows import Rows
from reporting.comparison.source import Slice, Source
from reporting.comparison.table_rows import ReadTable, TablesOf
from tabular.contract.types import Contract
from tabular.data.categories.learning import learnt
from tabular.errors import InvalidSetting, Rejected

ALL = "all"
"""The slice of each value of every slice feature of the contract."""


@dataclass(frozen=True)
class DataSets:
    """What a request asks for: the rows of each source, not yet sliced, and the contract by which they are read.

    `reference` is what the model of the first source was compared with in training; None where another is named.
    `columns` are those that the slice of a source is about: several where it is of each slice feature.
    """

    contract: Contract
    rows: Mapping[Source, Rows]
    reference: Rows | None
    columns: Mapping[Slice, Sequence[str]]

    def of(self, source: Source) -> Rows:
        """The rows of a source, not sliced."""
        return self.rows[_whole(source)]


def read_data_sets(request: ReportRequest, predictions: PredictionsOf, tables: TablesOf) -> DataSets:
    """Read every data set of a request.

    Raises InvalidSetting for what cannot be chosen, NotFound for rows that are not there, Rejected for runs that have
    no features in common, and what reading raises.
    """
    sources = dict.fromkeys(_whole(source) for source in request.sources)
    made = {source: predictions.read(source) for source in sources if source.is_predictions}
    against = _whole(request.against) if request.against else None
    first = next((made[one] for one in (against, _whole(request.current), *sources) if one in made), None)
    contract = first.bundle.contract if first else tables.contract
    for one in made.values():
        _check_features(contract, one)
    stored = {source: tables.read(source, contract) for source in sources if source not in made}
    if first is None and against is not None:
        contract = learnt(contract, stored[against].table)
    columns = {one.slice: _columns(one.slice, contract) for one in request.sources if one.slice}
    slices = list(dict.fromkeys(name for names in columns.values() for name in names))
    found: dict[Source, ReadPredictions | ReadTable] = {**made, **stored}
    rows = {source: one.rows(contract, slices) for source, one in found.items()}
    reference = made[_whole(request.current)].reference(slices) if against is None else None
    return DataSets(contract, rows, reference, columns)


def _whole(source: Source) -> Source:
    return replace(source, slice=None)


def _columns(wanted: Slice, contract: Contract) -> Sequence[str]:
    """The columns that a slice is about; raises InvalidSetting for one that is none of the contract's."""
    names = (*contract.feature_names, *(one.name for one in contract.derived))
    if wanted.column in names:
        return (wanted.column,)
    if wanted.column == ALL and wanted.value is None:
        if not contract.table.slice_features:
            raise InvalidSetting(
                "slice=all: the contract names no slice_features in its [table]. Name a column: slice=COLUMN"
            )
        return contract.table.slice_features
    raise InvalidSetting(f"slice={wanted.column}: is no feature. The features are {', '.join(names)}")


def _check_features(contract: Contract, made: ReadPredictions) -> None:
    own = made.bundle.contract
    kinds = {feature.name: feature.kind for feature in own.features}
    if others := [one.name for one in contract.features if kinds.get(one.name) != one.kind]:
        raise Rejected(
            f"the run {made.run_id} cannot be compared: its contract has no {', '.join(others)} of the same kind as "
            "the others have. Compare runs of one contract"
        )
