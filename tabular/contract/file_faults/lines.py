"""Every fault of a contract's file at once, each with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from tabular.contract.file_faults.positions import Key, lines_of
from tabular.contract.file_faults.shape import TOML_TYPES, shape_faults
from tabular.contract.types import Contract
from tabular.contract.validation import contract_faults, feature_faults

_WORD = re.compile(r"[\w]+")


def file_faults(text: str) -> list[str]:
    """What is wrong with the text of a contract's file, in the order of its lines; an empty list if nothing is."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return [str(error)]
    lines = lines_of(text)
    faults = [(_line(key, lines), f"{_named(key, given)}: {problem}") for key, problem in shape_faults(given, Contract)]
    faults += [(_line(_key_of(fault, given, lines), lines), fault) for fault in _meaning_faults(given)]
    return [f"line {line}: {fault}" if line else fault for line, fault in sorted(faults, key=lambda one: one[0])]


def _meaning_faults(given: dict[str, Any]) -> list[str]:
    """What is wrong with a contract that is read; where parts are not, with its sound features."""
    broken = {key[:2] if key[0] == "features" else key[:1] for key, _ in shape_faults(given, Contract)}
    if not broken:
        return contract_faults(_converted(given))
    if any(key[0] != "features" or len(key) == 1 for key in broken):
        return []
    sound = [one for at, one in enumerate(given["features"]) if ("features", at) not in broken]
    contract = _converted(given | {"features": sound})
    return [fault for feature in contract.features for fault in feature_faults(feature, contract)]


def _converted(given: dict[str, Any]) -> Contract:
    return msgspec.convert(given, Contract, builtin_types=TOML_TYPES)


def _named(key: Key, given: dict[str, Any]) -> str:
    """The key as an author names it: a feature's by its name."""
    if len(key) < 2 or not isinstance(key[1], int):
        return ".".join(map(str, key))
    entry = given[str(key[0])][key[1]]
    name = _name_of(entry)
    rest = ".".join(map(str, key[2:]))
    return f"{name or f'{key[0]}[{key[1]}]'}{f': {rest}' if rest else ''}"


def _key_of(fault: str, given: dict[str, Any], lines: Mapping[Key, int]) -> Key:
    """The key that a fault is about: it begins with it (`table.name: …`), or with the name of a feature (`age: …`)."""
    for at, feature in enumerate(given.get("features", [])):
        if (name := _name_of(feature)) and fault.startswith(f"{name}: "):
            word = _WORD.match(fault.removeprefix(f"{name}: "))
            key = ("features", at, {"category": "categories"}.get(word[0], word[0]) if word else "")
            return key if key in lines else ("features", at)
    lead, _, rest = fault.partition(": ")
    if lead == "features":
        quoted = [at for at, one in enumerate(given["features"]) if one["column"] in rest or repr(one["name"]) in rest]
        return ("features", quoted[-1]) if quoted else ("features", 0)
    for at, derived in enumerate(given.get("derived", [])):
        if lead == f"derived {derived['name']}":
            return ("derived", at)
    return tuple(int(part) if part.isdigit() else part for part in lead.split("."))


def _name_of(entry: object) -> str | None:
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def _line(key: Key, lines: Mapping[Key, int]) -> int:
    """The line of the key, or of the nearest table that it is in; 0 if there is none."""
    while key and key not in lines:
        key = key[:-1]
    return lines.get(key, 0)
