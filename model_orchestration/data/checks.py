"""The data checks: whether a table is fit to train on, and has the distribution of the last one that was.

What is broken is an error and stops the flow, naming rows and columns; what is merely odd is a warning.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pandas as pd

from model_orchestration.data.holds import holds
from model_orchestration.data.undeclared.groups import group_holds
from model_orchestration.data.undeclared.times import forward_holds, order_warnings
from tabular.contract.types import Contract
from tabular.data.categories.learning import learning_faults, learnt, rare_share
from tabular.data.invalid_cells import LIKELY_MISSING
from tabular.data.prepared import ExaminedTable, prepare
from tabular.data.rows.source_facts import MAX_REPEATS_LISTED, SourceFacts
from tabular.data.table import CleanTable
from tabular.encoding.values import listed
from tabular.errors import Fault, InvalidTable
from tabular.quality.drift import ColumnDrift
from tabular.quality.two_sample import METHOD_NAMES, MIN_DISTANCE
from tabular.quality.version_drift import version_drift

MIN_ROWS = 100
MIN_CLASS_ROWS = 10
SMALL_CLASS_SHARE = 0.01
LARGE_MISSING_SHARE = 0.5
LARGE_RARE_SHARE = 0.2
MAX_TWIN_SHARE = 0.01
ONE_ID = "each id once; an id of several rows, such as a customer's, is no table.id_column but split.group_column"


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks found; `errors` empty means fit to train on.

    `missing_share` maps each feature to its share of missing values; `class_rows` each class to its rows;
    `drifted` names the columns that moved since the last accepted version. All three are empty for a broken table.
    `rows` are those that are trained on, without the `dropped_rows` that are not valid under the contract, and
    without the `rows_left_out` by the contract's `[[filters]]` or its target's `keep`.
    `holds` are the warnings with which no model becomes champion until they are accepted with a reason.
    """

    rows: int
    errors: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    missing_share: dict[str, float] = {}
    class_rows: dict[str, int] = {}
    drifted: tuple[str, ...] = ()
    dropped_rows: int = 0
    rows_left_out: int = 0
    holds: tuple[str, ...] = ()

    def require(self) -> None:
        """Raise InvalidTable with every error, if there is any."""
        if self.errors:
            raise InvalidTable("the table is not fit to train on", self.errors)


def check(contract: Contract, body: bytes | ExaminedTable, accepted: CleanTable | None = None) -> CheckReport:
    """Check a table, or the bytes of one, by its contract and, if there is one, against the last accepted version."""
    try:
        examined = body if isinstance(body, ExaminedTable) else prepare(contract, body)
    except InvalidTable as error:
        return CheckReport(rows=0, errors=_errors(error))
    facts, table = examined.facts, examined.table
    identity, warnings = _identity(contract, facts)
    if table is None or examined.error is not None:
        broken = _errors(examined.error) if examined.error is not None else ()
        return CheckReport(rows=facts.rows, errors=(*broken, *identity), warnings=tuple(warnings))
    missing_share = {name: float(table.features[name].isna().mean()) for name in contract.feature_names}
    class_rows = {label: int((table.raw_target == label).sum()) for label in contract.target.classes}
    drifted = _drifted(contract, table, accepted) if accepted is not None else {}
    known = learnt(contract, table)
    errors = (
        *identity,
        *_target_errors(contract, table, class_rows),
        *_column_errors(contract, missing_share),
        *learning_faults(known),
    )
    forward = [] if errors else forward_holds(contract, table, facts)
    groups = [] if errors else group_holds(known, table, facts.groups)
    holding = (*(holds(contract, table, accepted) if accepted is not None else ()), *forward, *groups)
    return CheckReport(
        rows=len(table),
        errors=errors,
        warnings=(
            *([str(table.dropped)] if table.dropped.count else ()),
            *_left_out(contract, table, facts.rows),
            *warnings,
            *(() if forward else order_warnings(facts)),
            *_column_warnings(contract, table, missing_share),
            *_learnt_warnings(contract, table),
            *_class_warnings(class_rows, len(table)),
            *(_moved(name, found) for name, found in drifted.items()),
            *holding,
        ),
        missing_share=missing_share,
        class_rows=class_rows,
        drifted=tuple(drifted),
        dropped_rows=table.dropped.count,
        rows_left_out=table.rows_left_out,
        holds=holding,
    )


def _left_out(contract: Contract, table: CleanTable, rows: int) -> list[str]:
    if not table.rows_left_out:
        return []
    reasons = [f"the [[filters]] on {listed([one.column for one in contract.filters])}"] if contract.filters else []
    if contract.target.keep is not None:
        low, high = contract.target.keep
        reasons.append(f"keep in [target], for {contract.target.column} is not from {low:g} to {high:g}")
    were = "row was" if table.rows_left_out == 1 else "rows were"
    return [
        f"{table.rows_left_out:,} of {rows:,} {were} left out by the contract ({' or '.join(reasons)}): the figures "
        "are of the others alone"
    ]


def _errors(error: InvalidTable) -> tuple[Fault, ...]:
    return error.faults or (Fault("table", error.message, "a table that is valid under the contract"),)


def _identity(contract: Contract, facts: SourceFacts) -> tuple[list[Fault], list[str]]:
    """Rows that stand twice: by id, or whole where there is no id (a few such twins may be different people)."""
    id_column = contract.table.id_column
    if id_column is not None and facts.has_ids:
        return _repeated(id_column, facts, ONE_ID), []
    warnings = [f"the id column {id_column} is not in the table: rows are compared whole"] if id_column else []
    if facts.repeated_rows > MAX_TWIN_SHARE * facts.compared_rows:
        return _repeated("row", facts, f"at most {MAX_TWIN_SHARE:.0%} of exact repeats"), warnings
    if facts.repeated_rows:
        more = " and more" if facts.repeated_rows > MAX_REPEATS_LISTED else ""
        rows = ", ".join(str(each.row + 1) for each in facts.repeats)
        warnings.append(f"{facts.repeated_rows} rows repeat an earlier one exactly: rows {rows}{more}")
    return [], warnings


def _repeated(field: str, facts: SourceFacts, allowed: str) -> list[Fault]:
    more = f" ({facts.repeated_rows} rows in all)" if facts.repeated_rows > MAX_REPEATS_LISTED else ""
    return [
        Fault(
            field,
            f"repeats {'an earlier row' if each.id is None else repr(each.id)}{more}",
            allowed,
            each.id,
            each.row + 1,
        )
        for each in facts.repeats
    ]


def _target_errors(contract: Contract, table: CleanTable, class_rows: dict[str, int]) -> list[Fault]:
    column, faults = contract.target.column, []
    if len(table) < MIN_ROWS:
        faults.append(Fault("rows", f"are {len(table)}", f"at least {MIN_ROWS}", len(table)))
    if not class_rows and table.target.nunique() < 2:
        faults.append(Fault(column, "has one value only", "a target that varies", table.target.iloc[0]))
    return faults + [
        Fault(column, f"is {label!r} in {rows} rows only", f"each class in at least {MIN_CLASS_ROWS} rows", label)
        for label, rows in class_rows.items()
        if rows < MIN_CLASS_ROWS
    ]


def _column_errors(contract: Contract, missing_share: dict[str, float]) -> list[Fault]:
    return [
        Fault(feature.column, "has no value in any row", "some values; take the feature out of the contract if not")
        for feature in contract.features
        if missing_share[feature.name] == 1
    ]


def _column_warnings(contract: Contract, table: CleanTable, missing_share: dict[str, float]) -> list[str]:
    mostly = [
        f"{name}: {share:.0%} of the values are missing"
        for name, share in missing_share.items()
        if LARGE_MISSING_SHARE < share < 1
    ]
    constant = [
        f"{name}: every row has the same value, so nothing is learnt from it"
        for name in contract.feature_names
        if not missing_share[name] and _is_constant(table.features[name])
    ]
    return mostly + constant


def _learnt_warnings(contract: Contract, table: CleanTable) -> list[str]:
    """Of features that learn their categories: texts that look like "not known", and many rows of rare ones."""
    found = []
    for feature in (one for one in contract.features if one.learns_categories):
        values = table.features[feature.name]
        likely = sorted(text for text in values.dropna().unique() if text.casefold() in LIKELY_MISSING)
        if likely:
            found.append(
                f"{feature.name}: {listed([repr(text) for text in likely])} would be learnt as a category. If it means "
                "that the value is not known, add it to missing_tokens in the contract's [table]"
            )
        if (share := rare_share(feature, values)) > LARGE_RARE_SHARE:
            found.append(
                f"{feature.name}: {share:.0%} of the rows have a category with fewer than {feature.least_count} rows, "
                "which is missing to the model: lower least_count, or group the categories"
            )
    return found


def _is_constant(values: pd.Series[Any]) -> bool:
    first = values.iloc[0]
    return bool(values.iloc[-1] == first and (values == first).all())


def _class_warnings(class_rows: dict[str, int], rows: int) -> list[str]:
    return [
        f"class {label!r} has {count} of {rows} rows only: its quality is hard to measure"
        for label, count in class_rows.items()
        if MIN_CLASS_ROWS <= count < SMALL_CLASS_SHARE * rows
    ]


def _drifted(contract: Contract, table: CleanTable, accepted: CleanTable) -> dict[str, ColumnDrift]:
    """The features, and the target, that drifted between the accepted table and this one, by name."""
    found = version_drift(contract, accepted, table)
    if found is None:
        return {}
    columns = {column.name: column for column in found.columns}
    if found.target is not None:
        columns[f"target {contract.target.column}"] = found.target
    return {name: column for name, column in columns.items() if column.drifted}


def _moved(name: str, found: ColumnDrift) -> str:
    what = "the share of missing values" if found.aspect == "missing" else "the distribution of values"
    return (
        f"{name}: {what} moved since the last accepted version: {METHOD_NAMES[found.distance_method]} distance "
        f"{found.distance:.2f}, {MIN_DISTANCE[found.distance_method]:g} or more matters (p = {found.p_value:.1g})"
    )
