"""The commands that run one of our own modules against the stack, with the arguments that they are given."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from embedded.environment import last_start, stack_settings
from embedded.operate import Stack
from tabular.wiring import Wiring

Command = Callable[[Stack, Namespace], int]


def calling(module: str, *first: str) -> Command:
    """The command that runs a module, with these arguments before those that it is given."""

    def command(stack: Stack, arguments: Namespace) -> int:
        stack.call(module, *first, *arguments.rest)
        return 0

    return command


def deciding(decision: str) -> Command:
    """The command that changes the champion; it is told which run the running servers are pinned to, if they are."""

    def command(stack: Stack, arguments: Namespace) -> int:
        stack.call("tabular.promotion", decision, *arguments.rest, "--pinned", _pinned(stack, arguments.rest))
        stack.call("reporting.history")
        return 0

    return command


def _pinned(stack: Stack, given: list[str]) -> str:
    # What they were started with, which a later command may have forgotten: a RUN_ID is for one start.
    settings = stack_settings(stack.layout.state, last_start(stack.layout.state, "serving"))
    table = given[given.index("--table") + 1] if "--table" in given else ""
    return Wiring(settings).for_table(table).pinned_run


MODULES = {
    "labels": calling("reporting.labels"),
    "harvest": calling("model_orchestration.data.harvest"),
    "react": calling("model_orchestration.react.flow"),
    "verify-model": calling("model_orchestration.measurement"),
    "retention": calling("model_orchestration.retention.flow"),
    "versions": calling("model_orchestration.data.version_commands"),
    "profile": calling("reporting.table_profile"),
    "score": calling("server.files"),
    "shadow": calling("server.shadow.past"),
    "export-model": calling("server.scoring.export_model"),
    "ledger": calling("tabular.ledger", "show"),
    "live": calling("tabular.ledger", "live"),
    "replay": calling("tabular.replay"),
    "promote": deciding("promote"),
    "rollback": deciding("rollback"),
}
