"""What can be wrong with the derived columns of a contract, by their names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from tabular.contract.derived import DURATIONS, PERIODS, Derived, ModelInput, input_of
from tabular.contract.types import Contract

DATETIME, NUMBER, CATEGORY = "a datetime", "a number", "a category, an ordinal or a boolean"
SOURCES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((*PERIODS, "epoch_days"), (DATETIME,)),
    **dict.fromkeys(DURATIONS, (DATETIME, DATETIME)),
    **dict.fromkeys(("ratio", "difference", "product"), (NUMBER, NUMBER)),
    **dict.fromkeys(("log", "clip", "bins"), (NUMBER,)),
    "cross": (CATEGORY, CATEGORY),
}
"""What each operation is computed from."""
PARAMETERS = {
    "cyclic": frozenset(PERIODS),
    "range": frozenset({"clip"}),
    "edges": frozenset({"bins"}),
    "offset": frozenset({"log"}),
}
MAX_CROSSED = 1_000_000
"""How many categories a cross may have: it is one position among so many."""


def derived_faults(contract: Contract) -> list[str]:
    """What is wrong with the derived columns; an empty list if nothing is. The features must be right."""
    known = {feature.name: feature.column_of_matrix for feature in contract.features}
    zones = {feature.name: feature.time_zone for feature in contract.features}
    learnt = [feature.name for feature in contract.features if feature.learns_categories]
    faults = []
    for derived in contract.derived:
        found = _faults(derived, known) + _zone_faults(derived, zones) + _learnt_faults(derived, learnt)
        faults += [f"derived {derived.name}: {fault}" for fault in found]
        if not found:
            known[derived.name] = input_of(derived, known)
    return faults


def unused_faults(contract: Contract) -> list[str]:
    """Columns that are no input of the model and that nothing is derived from; they would be asked for in vain."""
    used = {name for derived in contract.derived for name in derived.of}
    datetimes = [feature.name for feature in contract.features if feature.is_datetime]
    others = [feature.name for feature in contract.features if not feature.model_input]
    others += [derived.name for derived in contract.derived if not derived.model_input]
    faults = [
        f"{name}: a datetime is no input of the model by itself, and nothing is derived from it. Add a [[derived]] "
        "column of it, such as its hour, or take it out"
        for name in datetimes
        if name not in used
    ]
    faults += [
        f"{name}: model_input is false and nothing is derived from it. Derive a column from it, or take it out"
        for name in others
        if name not in used and name not in datetimes
    ]
    has_input = len(contract.derived) > 0 or any(
        feature.model_input and not feature.is_datetime for feature in contract.features
    )
    return faults if has_input else [*faults, "features: none is an input of the model, and nothing is derived"]


def _faults(derived: Derived, known: Mapping[str, ModelInput]) -> list[str]:
    wanted = SOURCES[derived.operation]
    unknown = [name for name in derived.of if name not in known]
    if unknown:
        return [f"of names {name!r}, which is neither a feature nor a derived column before it" for name in unknown]
    if derived.name in known:
        return ["another column has this name"]
    if len(derived.of) != len(wanted):
        return [f"{derived.operation} is of {len(wanted)} column{'s'[: len(wanted) > 1]}, not of {len(derived.of)}"]
    faults = [
        f"{derived.operation} needs {need}, and {name} is {_article(known[name].kind)}"
        for name, need in zip(derived.of, wanted, strict=True)
        if _group(known[name]) != need
    ]
    return faults or _parameter_faults(derived) + _cross_faults(derived, [known[name] for name in derived.of])


def _group(column: ModelInput) -> str:
    if column.kind == "datetime":
        return DATETIME
    return NUMBER if column.is_numeric else CATEGORY


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aio' else 'a'} {kind}"


def _parameter_faults(derived: Derived) -> list[str]:
    given = {
        "cyclic": derived.cyclic is not None,
        "range": derived.range is not None,
        "edges": bool(derived.edges),
        "offset": derived.offset != 0,
    }
    faults = [
        f"{name} is no parameter of {derived.operation}: it belongs to {', '.join(sorted(PARAMETERS[name]))}"
        for name, is_given in given.items()
        if is_given and derived.operation not in PARAMETERS[name]
    ]
    if derived.operation == "clip" and not _rises(derived.range or (), 2):
        faults.append("clip needs range = [low, high], two finite numbers in rising order")
    if derived.operation == "bins" and not _rises(derived.edges, 1):
        faults.append("bins needs edges = [...], one or more finite numbers in rising order")
    if not math.isfinite(derived.offset):
        faults.append("offset must be a finite number")
    return faults


def _rises(numbers: Sequence[float], least: int) -> bool:
    is_rising = all(low < high for low, high in pairwise(numbers))
    return len(numbers) >= least and is_rising and all(map(math.isfinite, numbers))


def _cross_faults(derived: Derived, sources: Sequence[ModelInput]) -> list[str]:
    if derived.operation != "cross" or math.prod(len(source.categories) for source in sources) <= MAX_CROSSED:
        return []
    return [f"the cross has more than {MAX_CROSSED:,} categories. Cross coarser columns"]


def _learnt_faults(derived: Derived, learnt: Sequence[str]) -> list[str]:
    return [
        f"the categories of {name} are learnt in training, and a cross needs them listed: write its categories out"
        for name in derived.of
        if name in learnt
    ]


def _zone_faults(derived: Derived, zones: Mapping[str, str]) -> list[str]:
    named = {name: zones[name] for name in derived.of if name in zones}
    if derived.operation not in DURATIONS or len(set(named.values())) < 2:
        return []
    return [f"{' and '.join(named)} differ in time_zone, so that nothing can be said of the time between them"]
