"""Which tables a stack is about: what a start switches, and what another command is about for once.

`make run`, `make start-serve` and `make setup-model-registry` switch. While tables are served, a training or an upload
of another one is for that command alone: what is trained by schedule stays what is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from embedded.environment import ENV_FILE, read_env_file, was_started
from embedded.layout import Layout
from embedded.supervision.supervisor import Supervisor

SWITCHING = frozenset({"run", "setup-registry", "start-serve"})
_NAMES = ("TABLES", "CONTRACT")


def is_for_once(state: Path, command: str) -> bool:
    """True if the command leaves the tables of the stack as they are; raises Unavailable."""
    return command not in SWITCHING and "api" in Supervisor(Layout(state)).up()


def tables_of(given: Mapping[str, str]) -> str:
    """The value of TABLES, or else of CONTRACT, with these settings."""
    chosen = {**read_env_file(ENV_FILE), **given}
    return chosen.get("TABLES") or chosen["CONTRACT"]


def change_of_tables(state: Path, before: Mapping[str, str], given: Mapping[str, str], *, for_once: bool) -> str:
    """What to say where the tables are others than until now, else nothing."""
    was, now = tables_of(before), tables_of(given)
    if was == now or not was_started(state):
        return ""
    several = "To serve several tables: make run TABLES=one,other"
    if for_once:
        return (
            f"This stack serves {was}, and goes on training that by schedule: this command alone is about {now}. To "
            f"serve that instead: make run {'TABLES' if given.get('TABLES') else 'CONTRACT'}={now}. {several}"
        )
    return (
        f"This stack was about {was}; from now on it is about {now}. Runs, models and predictions of the others are "
        f"kept. {several}"
    )


def with_tables_of(tables: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """What was given, with the tables of another set of settings."""
    kept = {name: tables[name] for name in _NAMES if name in tables}
    return {name: value for name, value in given.items() if name not in _NAMES} | kept
