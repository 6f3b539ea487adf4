"""Pairs each data set of a report, whole, cut by time or by slice, with what it is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reporting.comparison.reading import DataSets
from reporting.comparison.request import MAX_DATA_SETS, ReportRequest
from reporting.comparison.rows import Rows
from reporting.comparison.source import Slice, Source
from tabular.errors import InvalidSetting


@dataclass(frozen=True)
class Pair:
    """A data set, `current`, beside what it is compared with."""

    reference: Rows
    current: Rows


def pairs_of(request: ReportRequest, sets: DataSets) -> list[Pair]:
    """The pairs of a request in the order of its report; raises InvalidSetting if they are none, or too many."""
    found = [pair for source in (request.current, *request.also) for pair in _pairs(source, request, sets)]
    if not found:
        raise InvalidSetting(
            f"slice={request.current.slice}: no value is on both sides. Leave it out, or name another column"
        )
    if len(found) > MAX_DATA_SETS:
        raise InvalidSetting(
            f"this makes {len(found)} data sets, and a report shows at most {MAX_DATA_SETS} side by side: choose fewer "
            "windows=, or one value of slice="
        )
    return found


def _pairs(source: Source, request: ReportRequest, sets: DataSets) -> Iterable[Pair]:
    windows = request.windows if source is request.current else 1
    for part in _parts(source.slice, source, request, sets):
        current = sets.of(source).sliced(part)
        against = _reference(part, request, sets)
        if windows == 1:
            yield Pair(against, current)
        else:
            yield from (Pair(against, one) for one in current.windows(windows))


def _parts(wanted: Slice | None, source: Source, request: ReportRequest, sets: DataSets) -> Iterable[Slice | None]:
    """The slices that a data set is shown by: one, or each value that both sides have."""
    if wanted is None or wanted.value is not None:
        return [wanted]
    other = _unsliced_reference(request, sets)
    return [
        Slice(column, value)
        for column in sets.columns[wanted]
        for value in sets.of(source).values_of(column)
        if value in other.values_of(column)
    ]


def _reference(part: Slice | None, request: ReportRequest, sets: DataSets) -> Rows:
    """What is compared with: in the slice that it names, else in that of the data set."""
    own = request.against.slice if request.against else None
    wanted = part if own is None or own.value is None else own
    return _unsliced_reference(request, sets).sliced(wanted)


def _unsliced_reference(request: ReportRequest, sets: DataSets) -> Rows:
    if sets.reference is not None:
        return sets.reference
    if request.against is None:
        raise InvalidSetting("against= names nothing to compare with")
    return sets.of(request.against)
