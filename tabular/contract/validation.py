"""What can be wrong with a contract that reads well: every fault at once, in plain words, by its key."""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING

from tabular.contract.canonical import LARGEST_NUMBER, LARGEST_WHOLE_NUMBER, alike, canonical
from tabular.contract.check_rules import check_rule_faults
from tabular.contract.evaluation.rules import evaluation_faults
from tabular.contract.faults.business_key import business_key_faults
from tabular.contract.faults.derived_columns import derived_faults, unused_faults
from tabular.contract.faults.kinds import boolean_faults, datetime_faults, derived_target_faults, other_kind_faults
from tabular.contract.faults.learnt import learnt_faults
from tabular.contract.faults.split import split_faults
from tabular.contract.features import OUR_CATEGORIES
from tabular.contract.rows.filters import filter_faults
from tabular.contract.source import source_faults
from tabular.contract.training import training_faults
from tabular.encoding.values import reader
from tabular.errors import Fault

if TYPE_CHECKING:
    from tabular.contract.features import Feature, Synthetic
    from tabular.contract.types import Contract, Target

TABLE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
UNUSABLE_IN_A_NAME = re.compile(r'["\\\x00-\x1f]')  # msgspec cannot read a key that JSON has to escape
REPLY_KEYS = {"row", "error", "probabilities", "model_run_id", "prediction_id", "warnings", "base", "contributions"}
RESULT_KEYS = {"partition_key", "shard", "sequence_number"}
OUR_COLUMNS = {"__target__", "__score__", "__predicted_class__"}
"""What a bundle's reference calls its columns beside the features, and beside `__probability_0__` and so on."""
PRESENCE = "{} is there"
"""What drift calls the column that says whether a number is there."""


def contract_faults(contract: Contract) -> list[str]:
    """What is wrong with the contract; an empty list if nothing is.

    Each fault begins with what it is about, by which its line is found: a key (`table.name: …`), or the name of a
    feature (`age: range …`).
    """
    faults = [fault for feature in contract.features for fault in feature_faults(feature, contract)]
    faults += _table_faults(contract) + _target_faults(contract) + _name_faults(contract)
    faults += (
        source_faults(contract.source)
        + split_faults(contract)
        + training_faults(contract.training, has_classes=contract.table.task != "regression")
    )
    faults += check_rule_faults(contract.checks) + filter_faults(contract.filters, contract.target.column)
    faults += evaluation_faults(contract.evaluation, contract.table.task)
    faults += business_key_faults(contract, REPLY_KEYS | RESULT_KEYS)
    if not faults:
        faults = derived_faults(contract) + unused_faults(contract)
    return faults + _synthetic_faults("target", contract.target.synthetic, len(contract.target.classes))


def feature_faults(feature: Feature, contract: Contract) -> list[str]:
    """What is wrong with one feature, each fault beginning with its name; an empty list if nothing is."""
    if feature.is_datetime:
        faults = datetime_faults(feature)
    else:
        faults = _number_faults(feature) if feature.is_numeric else _category_faults(feature, contract)
        faults += other_kind_faults(feature)
    faults += learnt_faults(feature)
    if not faults:
        faults = _example_faults(feature, contract)
    count = max(1, len(feature.synthetic.shares)) if feature.learns_categories else len(feature.categories)
    return faults + _synthetic_faults(feature.name, feature.synthetic, count)


def _example_faults(feature: Feature, contract: Contract) -> list[str]:
    if feature.example is None:
        return []
    outcome = reader(feature, contract)(feature.example)
    if not isinstance(outcome, Fault) and outcome[0] is not None and (feature.learns_categories or not outcome[2]):
        return []
    return [f"{feature.name}: example {feature.example!r} is not a value that the feature may take"]


def _number_faults(feature: Feature) -> list[str]:
    if feature.range is None or feature.categories or not -math.inf < feature.range[0] < feature.range[1] < math.inf:
        return [f"{feature.name}: kind {feature.kind} needs range = [low, high], both finite, and no categories"]
    low, high = feature.range
    most = LARGEST_WHOLE_NUMBER if feature.kind == "integer" else LARGEST_NUMBER
    faults = []
    if max(-low, high) > most:
        why = (
            "beyond which whole numbers are not exact"
            if feature.kind == "integer"
            else "the largest that a model takes"
        )
        other = 'kind = "number"' if feature.kind == "integer" else "another unit"
        faults = [f"range reaches beyond {most:,.16g}, {why}. Name the true limits, or take {other}"]
    elif feature.kind == "integer" and math.ceil(low) > high:
        faults = ["range holds no whole number"]
    elif _single(low) == _single(high):
        why = "one number in single precision, in which models take their inputs"
        faults = [f"the ends of range are {why}. Take another unit, or count from another zero"]
    return [f"{feature.name}: {fault}" for fault in faults]


def _single(number: float) -> float:
    return float(struct.unpack("f", struct.pack("f", number))[0])


def _category_faults(feature: Feature, contract: Contract) -> list[str]:
    faults = _label_faults(f"{feature.name}: category", feature.categories, contract)
    if feature.is_boolean:
        return faults + boolean_faults(feature, contract)
    if (len(feature.categories) < 2 and not feature.learns_categories) or feature.range is not None:
        faults.append(f"{feature.name}: kind {feature.kind} needs two or more categories and no range")
    faults += [
        f"{feature.name}: category {category!r} is a name of ours in drift"
        for category in feature.categories
        if category in OUR_CATEGORIES
    ]
    codes = {canonical(code): category for code, category in enumerate(feature.categories)} if feature.has_codes else {}
    return faults + [
        f"{feature.name}: the missing token {token!r} is also the code of category {codes[canonical(token)]!r}. Write "
        "what is not known in another way in the table, and name that in table.missing_tokens"
        for token in contract.table.missing_tokens
        if canonical(token) in codes
    ]


def _label_faults(what: str, labels: tuple[str, ...], contract: Contract) -> list[str]:
    """What is wrong with categories or classes: each must be one text, and no two the same value."""
    faults = [
        f"{what} {label!r} is empty or has spaces around it" for label in labels if label != label.strip() or not label
    ]
    faults += [
        f"{what} {label!r} is a missing token. Take it out of table.missing_tokens, or out of here"
        for label in labels
        if label.strip() and contract.is_missing(label)
    ]
    return faults + [
        f"{what} {first!r} and {second!r} are one value: letter case and the way a number is written do not count. "
        "Keep one of them"
        for first, second in alike(labels)
    ]


def _target_faults(contract: Contract) -> list[str]:
    target, task = contract.target, contract.table.task
    count = len(target.classes)
    wanted, count_ok = {
        "binary": ("2", count == 2),
        "multiclass": ("3 or more", count > 2),
        "regression": ("0", count == 0),
    }[task]
    faults = [] if count_ok else [f"target.classes: a {task} task needs {wanted}, not {count}"]
    faults += _label_faults("target.classes: class", target.classes, contract) + _positive_faults(target, task)
    return faults + derived_target_faults(contract)


def _positive_faults(target: Target, task: str) -> list[str]:
    if task != "binary":
        return [] if target.positive is None else [f"target.positive: only a binary task has one, not {task}"]
    if target.positive in target.classes:
        return []
    return [f"target.positive: must be one of target.classes {list(target.classes)}, not {target.positive!r}"]


def _table_faults(contract: Contract) -> list[str]:
    faults = []
    if TABLE_NAME.fullmatch(contract.table.name) is None:
        faults.append(f"table.name: must be 1 to 64 letters, digits, _ or -, not {contract.table.name!r}")
    key = contract.reply.prediction_key
    if key in REPLY_KEYS | RESULT_KEYS or key != key.strip() or not key:
        faults.append(f"reply.prediction_key: {key!r} is another key of the response, empty, or has spaces around it")
    features, derived = set(contract.feature_names), {one.name for one in contract.derived}
    unknown = {
        "slice_features": set(contract.table.slice_features) - features,
        "known_before_outcome": set(contract.table.known_before_outcome) - features - derived,
    }
    faults += [f"table.{key}: {name} is not a feature" for key, names in unknown.items() for name in sorted(names)]
    return faults


def _name_faults(contract: Contract) -> list[str]:
    names = (*contract.feature_names, *(derived.name for derived in contract.derived))
    faults = []
    if not contract.features or len(set(contract.feature_names)) < len(contract.features):
        faults.append("features: names must be there and be distinct")
    faults += [
        f"features: the name of column {one.column!r} is empty" for one in contract.features if not one.name.strip()
    ]
    faults += ["derived: a name is empty" for one in contract.derived if not one.name.strip()]
    faults += [
        f"features: name {name!r} holds a quote, a backslash or a control character"
        for name in names
        if UNUSABLE_IN_A_NAME.search(name)
    ]
    presences = {PRESENCE.format(name) for name in names}
    faults += [
        f"features: name {name!r} is a name of ours for another column. Choose another; `column` may stay"
        for name in names
        if name in OUR_COLUMNS | presences or name.startswith("__probability_")
    ]
    return faults + _column_faults(contract)


def _column_faults(contract: Contract) -> list[str]:
    table, target = contract.table, contract.target.column
    columns = [feature.column for feature in contract.features]
    derived_of = list(contract.target.minutes_between or ())
    named = {
        "target.column": [target],
        "target.minutes_between": derived_of,
        "table.id_column": [table.id_column or target],
        "features: column": columns,
    }
    faults = [
        f"{key}: {name!r} is empty or has spaces around it, and names in a table are read without them"
        for key, names in named.items()
        for name in names
        if name != name.strip() or not name
    ]
    if target in (table.id_column, *table.dropped_columns):
        faults.append(f"target.column: {target} is the id or dropped")
    reserved = {target, table.id_column, *table.dropped_columns}
    return (
        faults
        + [f"features: column {column} is the target, the id or dropped" for column in columns if column in reserved]
        + [
            f"features: column {column} is used twice"
            for column in sorted({one for one in columns if columns.count(one) > 1})
        ]
    )


def _synthetic_faults(name: str, synthetic: Synthetic, categories: int) -> list[str]:
    shares, quantiles, faults = synthetic.shares, synthetic.quantiles, []
    if shares and (len(shares) != categories or not min(shares) >= 0 or not 0 < sum(shares) < math.inf):
        faults.append(f"{name}: synthetic.shares needs {categories} weights of 0 or more, not {list(shares)}")
    is_finite = all(map(math.isfinite, quantiles))
    if quantiles and (categories or len(quantiles) < 2 or not is_finite or list(quantiles) != sorted(quantiles)):
        faults.append(f"{name}: synthetic.quantiles needs two or more numbers in rising order, for a number")
    if not 0 <= synthetic.missing_share < 1:
        faults.append(f"{name}: synthetic.missing_share must be from 0 to below 1, not {synthetic.missing_share:g}")
    if not math.isfinite(synthetic.effect):
        faults.append(f"{name}: synthetic.effect must be a finite number, not {synthetic.effect:g}")
    return faults
