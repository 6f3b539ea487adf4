"""The runs that are pinned for tables, as settings: `RUN_IDS=taxi_rides=RUN,…`, or one variable a table."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from tabular.errors import InvalidSetting

PINS = "run_ids"
PREFIX = "RUN_ID_"


def variable_of(table: str) -> str:
    """The environment variable that pins a run of this table: `RUN_ID_TAXI_RIDES` of `taxi_rides`."""
    return PREFIX + re.sub(r"[^A-Z0-9]", "_", table.upper())


def pins_of(environ: Mapping[str, str]) -> str:
    """The setting RUN_IDS with what each variable RUN_ID_<TABLE> adds to it."""
    single = [f"{name.removeprefix(PREFIX)}={run}" for name, run in sorted(environ.items()) if is_pin(name) and run]
    return ",".join([*([environ[PINS.upper()]] if environ.get(PINS.upper()) else []), *single])


def pinned_runs(pins: str, tables: Collection[str]) -> dict[str, str]:
    """The pinned run of each table that has one; raises InvalidSetting for another table, and for two runs of one."""
    by_variable = {variable_of(table): table for table in tables}
    pinned: dict[str, str] = {}
    for pin in filter(None, (part.strip() for part in pins.split(","))):
        name, equals, run = (part.strip() for part in pin.partition("="))
        if not equals or not run:
            raise InvalidSetting(f"RUN_IDS: {pin!r} cannot be used: it must be TABLE=RUN, such as taxi_rides=3f0a6c1d")
        table = by_variable.get(variable_of(name))
        if table is None:
            here = ", ".join(tables)
            raise InvalidSetting(
                f"{variable_of(name)}={run!r} cannot be used: this stack has no such table. Its tables are {here}"
            )
        if pinned.setdefault(table, run) != run:
            raise InvalidSetting(f"{table} has two pinned runs, {pinned[table]} and {run}: leave one of them out")
    return pinned


def is_pin(name: str) -> bool:
    """True for a variable that pins a run of one table."""
    return name.startswith(PREFIX) and len(name) > len(PREFIX)
