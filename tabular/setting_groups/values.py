"""How texts become settings, and settings a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from tabular.errors import InvalidSetting, without_login
from tabular.setting_groups.addresses import check_address

T = TypeVar("T", bound=msgspec.Struct)
_PLAIN_WORDS = {
    "Expected `int`": "it must be a whole number",
    "Expected `float`": "it must be a number",
    ", got `str`": "",
}


def checked(given: Mapping[str, object], kind: type[T]) -> T:
    """The settings of these values; raises InvalidSetting naming the variable, its value and what is allowed."""
    try:
        settings = msgspec.convert(given, kind, strict=False, dec_hook=lambda field, text: field(text))
    except msgspec.ValidationError as error:
        why, _, name = str(error).rstrip("`").partition(" - at `$.")
        for said, plain in _PLAIN_WORDS.items():
            why = why.replace(said, plain)
        raise InvalidSetting(f"{name.upper()}={given.get(name, '')!r} cannot be used: {why}") from error
    for name in given:
        check_address(name, str(given[name]))
    return settings


def masked(settings: msgspec.Struct, secrets: frozenset[str]) -> str:
    """The settings as a text for logs and tracebacks: no secret, and no login in an address."""
    shown = {
        name: "***" if name in secrets and value else without_login(value) if isinstance(value, str) else value
        for name, value in msgspec.structs.asdict(settings).items()
    }
    return f"{type(settings).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"
