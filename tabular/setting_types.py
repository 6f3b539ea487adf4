"""The kinds of values that settings hold, each with its bounds, and how texts become them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec

from tabular.errors import InvalidSetting

T = TypeVar("T", bound=msgspec.Struct)
_PLAIN_WORDS = {
    "Expected `int`": "it must be a whole number",
    "Expected `float`": "it must be a number",
    ", got `str`": "",
}
LAST_PORT = 65_535
Port = Annotated[int, msgspec.Meta(ge=1, le=LAST_PORT)]
Count = Annotated[int, msgspec.Meta(ge=1)]
CountOrNone = Annotated[int, msgspec.Meta(ge=0)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
MAX_CONSUMERS = 4
Consumers = Annotated[int, msgspec.Meta(ge=1, le=MAX_CONSUMERS)]
Lease = Annotated[float, msgspec.Meta(ge=1, le=3_600)]
PositiveOrNone = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


def checked(given: Mapping[str, object], kind: type[T]) -> T:
    """The settings of these values; raises InvalidSetting naming the variable, its value and what is allowed."""
    try:
        return msgspec.convert(given, kind, strict=False, dec_hook=lambda field, text: field(text))
    except msgspec.ValidationError as error:
        why, _, name = str(error).rstrip("`").partition(" - at `$.")
        for said, plain in _PLAIN_WORDS.items():
            why = why.replace(said, plain)
        raise InvalidSetting(f"{name.upper()}={given.get(name, '')!r} cannot be used: {why}") from error
