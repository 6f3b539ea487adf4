"""Every key of a contract that lacks, that nobody knows, or that holds a value of another type: all at once.

msgspec stops at the first; here each value is converted by itself, by the same types.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any, Union, get_args, get_origin

import msgspec

from tabular.contract.file_faults.positions import Key

TOML_TYPES = (datetime, date, time)
"""What a TOML file holds beside the types of JSON."""


def shape_faults(given: object, kind: Any, key: Key = ()) -> Iterator[tuple[Key, str]]:
    """What is wrong with a decoded file against a type, each with the key that it is about."""
    inner = _struct_of(kind)
    if inner is not None and isinstance(given, dict):
        yield from _struct_faults(given, inner, key)
    elif (member := _member_of(kind)) is not None and isinstance(given, list):
        for at, one in enumerate(given):
            yield from shape_faults(one, member, (*key, at))
    else:
        try:
            msgspec.convert(given, kind, builtin_types=TOML_TYPES)
        except msgspec.ValidationError as error:
            yield key, str(error)


def _struct_faults(given: dict[str, Any], kind: Any, key: Key) -> Iterator[tuple[Key, str]]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name in given.keys() - fields.keys():
        near = get_close_matches(name, fields, 1)
        meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(fields)}"
        yield (*key, name), f"is no key of a contract here; {meant}"
    for name, field in fields.items():
        if name in given:
            yield from shape_faults(given[name], field.type, (*key, name))
        elif field.required:
            yield (*key, name), "is missing"


def _struct_of(kind: Any) -> Any:
    """The struct that a type is, or may be besides None; None for other types."""
    options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return next((one for one in options if isinstance(one, type) and issubclass(one, msgspec.Struct)), None)


def _member_of(kind: Any) -> Any:
    """The struct of which a type is a tuple of any length; None for other types."""
    members = get_args(kind) if get_origin(kind) is tuple else ()
    return members[0] if len(members) == 2 and members[1] is Ellipsis and _struct_of(members[0]) else None
