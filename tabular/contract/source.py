"""The contract's `[source]`: how the file of a table is written, where its content cannot or should not tell.

Every key is optional. What is left out is inferred from the content (`tabular.data.reading`), or is an error that
names the key that settles it.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from tabular.errors import InvalidSetting

Format = Literal["csv", "parquet"]
Separator = Literal[",", ";", "\t", "|", " "]
Decimal = Literal[".", ","]

NO_FILE_ENCODINGS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"})
"""What Python counts among the text encodings, though no file is written in it, or not everywhere the same."""


class SourceOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a table's file is written, and what becomes of rows that are not valid under the contract.

    `columns` are the names where the file has no header; `max_dropped_share` is the share of rows, from 0 to 1, that
    `on_invalid = "drop"` may drop.
    """

    format: Format | None = None
    separator: Separator | None = None
    decimal: Decimal | None = None
    encoding: str | None = None
    header: bool = True
    columns: tuple[str, ...] = ()
    on_invalid: Literal["refuse", "drop"] = "refuse"
    max_dropped_share: float = 0.05


GIVEN_KEYS = ("separator", "decimal", "encoding", "columns")
"""What a command line may say of a file."""


def source_of(given: Mapping[str, str]) -> SourceOptions:
    """The options of a command line, of which empty ones are not given; raises InvalidSetting naming the key."""
    options: dict[str, Any] = {key: given[key] for key in GIVEN_KEYS if given.get(key)}
    if options.get("separator") == "tab":
        options["separator"] = "\t"
    if "columns" in options:
        names = tuple(name.strip() for name in options["columns"].split(","))
        options |= {"columns": names, "header": False}
    try:
        source = msgspec.convert(options, SourceOptions)
    except msgspec.ValidationError as error:
        raise InvalidSetting(str(error)) from error
    if faults := source_faults(source):
        raise InvalidSetting("; ".join(fault.removeprefix("source.") for fault in faults))
    return source


def source_faults(source: SourceOptions) -> list[str]:
    """What is wrong with `[source]`; an empty list if nothing is."""
    faults = _columns_faults(source)
    if source.encoding is not None and not _is_text_encoding(source.encoding):
        faults.append(f'source.encoding: {source.encoding!r} is no known encoding of text, such as "utf-8" or "cp1252"')
    if source.format == "parquet":
        named = [key for key in ("separator", "decimal", "encoding") if getattr(source, key) is not None]
        named += [] if source.header else ["header"]
        faults += [f'source.{key}: a Parquet file has none. Leave it out, or say format = "csv"' for key in named]
    if not 0 <= source.max_dropped_share < 1 or math.isnan(source.max_dropped_share):
        faults.append(f"source.max_dropped_share: must be from 0 to below 1, not {source.max_dropped_share:g}")
    if source.decimal == "," == source.separator:
        faults.append('source.decimal: "," is the separator already, so cells with it need quotes: leave separator out')
    return faults


def _columns_faults(source: SourceOptions) -> list[str]:
    columns = source.columns
    if source.header:
        return ["source.columns: only a file without a header needs it: add header = false"] if columns else []
    if not columns:
        return ["source.columns: must name every column of the file in order, as header = false"]
    faults = [
        f"source.columns: {name!r} is empty or has spaces around it"
        for name in columns
        if not name or name != name.strip()
    ]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    return faults + [f"source.columns: {name!r} stands more than once" for name in twice]


def _is_text_encoding(name: str) -> bool:
    try:
        if codecs.lookup(name).name.replace("_", "-") in NO_FILE_ENCODINGS:
            return False
        "a".encode(name)
    except (LookupError, ValueError):
        return False
    return True
