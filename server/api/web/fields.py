"""The fields of a table's form: from the contract, what each is called, what it takes, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from tabular.contract.canonical import as_text
from tabular.contract.features import Feature
from tabular.contract.json_schema import allowed
from tabular.contract.types import Contract
from tabular.encoding.values import reader
from tabular.errors import Fault

MAX_OPTIONS = 500
"""With more categories than these a text is typed: a list of so many is no help."""
FIELD_PREFIX = "row."
"""Before the name of a feature, which may be any text: the form's own fields have names without it."""
OR_NULL = ", or null"

Control = Literal["number", "select", "datetime-local", "text"]


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the form; `problems` are sentences, and `given` is what the server says that it was given."""

    id: str
    name: str
    label: str
    about: str
    control: Control
    value: str
    allowed: str = ""
    options: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    step: str = ""
    is_optional: bool = False
    problems: tuple[str, ...] = ()


def example_texts(contract: Contract) -> dict[str, str]:
    """The example of the contract as the form's fields hold it."""
    return {feature.name: _text(feature, contract) for feature in contract.features}


def fields_of(contract: Contract, texts: Mapping[str, str], faults: Iterable[Fault] = ()) -> list[Field]:
    """The fields in the contract's order, then the business key if there is one; `texts` are their values by name."""
    problems: dict[str, list[str]] = {}
    for fault in faults:
        problems.setdefault(fault.field, []).append(problem_of(fault))
    found = [
        _field(f"field-{at}", feature, texts.get(feature.name, ""), tuple(problems.get(feature.name, ())))
        for at, feature in enumerate(contract.features)
    ]
    key = contract.table.business_key
    return found if key is None else [*found, _key_field(key, texts.get(key, ""), tuple(problems.get(key, ())))]


def problem_of(fault: Fault) -> str:
    """What is wrong with a field and what is allowed, as a sentence beside it."""
    is_optional = fault.allowed.endswith(OR_NULL)
    may_be = (
        f"{fault.allowed.removesuffix(OR_NULL)}; leave it empty if it is not known" if is_optional else fault.allowed
    )
    return f"{words(fault.field)} {fault.problem}. Allowed: {may_be}."


def words(name: str) -> str:
    """A name as words."""
    text = name.replace("_", " ").strip()
    return f"{text[:1].upper()}{text[1:]}" or name


def _field(known_as: str, feature: Feature, value: str, problems: tuple[str, ...]) -> Field:
    field = Field(
        id=known_as,
        name=f"{FIELD_PREFIX}{feature.name}",
        label=words(feature.name),
        about=feature.about,
        control="text",
        value=value,
        problems=problems,
    )
    if feature.is_numeric:
        return msgspec.structs.replace(field, control="number", **_bounds(feature))
    if feature.is_datetime:
        zone = "In UTC." if feature.has_zone else ""
        return msgspec.structs.replace(field, control="datetime-local", step="1", allowed=zone)
    if 0 < len(feature.categories) <= MAX_OPTIONS:
        # What was sent and is none of them stays visible.
        options = feature.categories if value in ("", *feature.categories) else (*feature.categories, value)
        return msgspec.structs.replace(field, control="select", options=options)
    return msgspec.structs.replace(field, allowed=f"{allowed(feature).capitalize()}.")


def _bounds(feature: Feature) -> dict[str, object]:
    is_integer = feature.kind == "integer"
    bounds: dict[str, object] = {"step": "1" if is_integer else "any"}
    if feature.range is None:
        return bounds
    low, high = feature.ends
    return bounds | {"low": low, "high": high, "allowed": f"A {allowed(feature)}."}


def _key_field(name: str, value: str, problems: tuple[str, ...]) -> Field:
    return Field(
        id="field-key",
        name=f"{FIELD_PREFIX}{name}",
        label=words(name),
        about="What the row is about, so that its outcome can be sent later. The prediction does not depend on it.",
        control="text",
        value=value,
        is_optional=True,
        problems=problems,
    )


def _text(feature: Feature, contract: Contract) -> str:
    """The feature's example: a number as its digits, a category as the contract spells it, a datetime without Z."""
    sample = feature.sample
    if feature.is_numeric:
        return as_text(float(sample))
    outcome = reader(feature, contract)(sample)
    value = sample if isinstance(outcome, Fault) or outcome[0] is None else outcome[0]
    return str(value).removesuffix("Z") if feature.is_datetime else str(value)
