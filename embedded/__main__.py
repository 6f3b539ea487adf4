"""The command line of the embedded stack; the Makefile's targets with env=embedded call it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from embedded import preflight
from embedded.console import console
from embedded.environment import (
    given_on_the_command_line,
    is_changed,
    process_base,
    process_environ,
    remember,
    remembered,
    stack_settings,
)
from embedded.inherited import inherited
from embedded.layout import PROJECT, Layout, layout_of
from embedded.model_check import check_model
from embedded.modules import MODULES
from embedded.operate import Stack
from embedded.run import run, show
from embedded.services.stack import PAGES, REGISTRY, SERVING, SIMULATORS, STACK, STORE, WORKER, service, serving
from embedded.status import status
from embedded.supervision import log_files
from embedded.supervision.foreground import interrupt_on_every_signal
from embedded.supervision.supervisor import Supervisor
from embedded.table_choice import change_of_tables, is_for_once, with_tables_of
from tabular.errors import TabularError
from tabular.process.private_files import keep_private
from tabular.setting_groups.simulator import SimulatorSettings


def main() -> int:
    """Run one command; returns its exit code: 1 for an expected error, whose message is shown without a traceback."""
    keep_private()
    interrupt_on_every_signal()
    arguments = _parser().parse_args()
    try:
        return _COMMANDS[arguments.command](_stack(arguments), arguments)
    except TabularError as error:
        console.print(f"\n{error}", style="red", markup=False)
        return 1
    except OSError as error:
        console.print(f"\n{_plain(error)}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        if arguments.command == "logs":  # Ctrl-C is how one leaves them
            return 0
        console.show_cursor()
        console.print(f"\n{_interrupted(Path(arguments.state).resolve())}", markup=False)
        return 130


def _interrupted(state: Path) -> str:
    """Which processes are still running, and how to continue or stop them."""
    up = Supervisor(Layout(state)).up()
    if not up:
        return "Interrupted. Nothing is running. To start the loop: make run"
    return f"Interrupted. Still running: {', '.join(up)}. To continue: make run. To stop them: make stop."


def _plain(error: OSError) -> str:
    """What the system did not allow, where, and what to check."""
    where = f" {error.filename}" if error.filename else ""
    return f"The system reported{where}: {error.strerror or error}. Check permissions and free disk space: df -h ."


def _stack(arguments: argparse.Namespace) -> Stack:
    state = Path(arguments.state).resolve()
    given = before = remembered(state)
    if arguments.command in _STARTING:
        fresh = given_on_the_command_line()
        # A new run drops the settings of an earlier one, except its ports; a RUN_ID is pinned for one start.
        is_kept = _OF_THE_CLONE.__contains__ if arguments.command == "run" else (lambda key: key not in _FOR_ONE_START)
        given = {key: value for key, value in given.items() if is_kept(key)} | fresh
        if fresh.get("CONTRACT") and not fresh.get("TABLES"):
            given.pop("TABLES", None)  # the table that is named is the only one from now on
        for_once = is_for_once(state, arguments.command)
        if said := change_of_tables(state, before, given, for_once=for_once):
            console.print(said, markup=False)
    elif arguments.command == "retention":  # for this once
        fresh = given_on_the_command_line()
        given = {**given, **{name: value for name, value in fresh.items() if name.startswith("RETENTION_")}}
    settings = stack_settings(state, given)
    stack = Stack(layout_of(settings), settings, given)
    if arguments.command in _STARTING:
        if arguments.command in _WHOLE and layout_of(stack_settings(state, before)) != stack.layout:
            stack.down(STACK)  # its processes listen on other ports
        if arguments.command != "start-serve":  # which checks first what it was given
            _save_given(stack, arguments.command, with_tables_of(before, given) if for_once else given)
    return stack


def _save_given(stack: Stack, command: str, given: Mapping[str, str]) -> None:
    """Save the given settings for later starts, and stop the processes that run with others."""
    # The file of a table is saved with that table, for another table has another file; ACCEPT is for one training only.
    lasting = {key: value for key, value in given.items() if key not in {"DATASET_CSV", "ACCEPT"}}
    remember(stack.layout, lasting)
    _stop_outdated(stack, command, lasting)


def _stop_outdated(stack: Stack, command: str, given: Mapping[str, str]) -> None:
    """Stop the servers and the worker if they run with other settings, so that what is trained is what is served."""
    if command in {"run", "start-serve"} and is_changed(stack.layout.state, "serving", given):
        stack.down(SERVING)
    for_flows = {key: value for key, value in given.items() if key not in _NOT_FOR_FLOWS}
    if command in {"run", "start-serve", "setup-registry"} and is_changed(stack.layout.state, "worker", for_flows):
        stack.down(WORKER)
    for_page = {key: value for key, value in given.items() if key not in _FOR_ONE_START | _SIMULATED}
    if command in {"run", "start-serve", "setup-registry"} and is_changed(stack.layout.state, "front-page", for_page):
        stack.down(PAGES)


def _run(stack: Stack, _: argparse.Namespace) -> int:
    run(stack)
    return 0


def _setup_registry(stack: Stack, _: argparse.Namespace) -> int:
    preflight.check(stack.layout, stack.supervisor, stack.settings.consumers)
    stack.up({**REGISTRY, **STORE, **PAGES})
    stack.finish_deploying(stack.start_deploying())
    stack.up(WORKER)
    return 0


def _init_aws(stack: Stack, _: argparse.Namespace) -> int:
    stack.call("model_orchestration.init_aws")
    return 0


def _train(stack: Stack, arguments: argparse.Namespace) -> int:
    stack.call("model_orchestration.flow", *(arguments.rest or ["train"]))
    return 0


def _report(stack: Stack, arguments: argparse.Namespace) -> int:
    stack.call("reporting.flow", *arguments.rest)
    return 0


def _start_serve(stack: Stack, _: argparse.Namespace) -> int:
    preflight.check(stack.layout, stack.supervisor, stack.settings.consumers)
    check_model(stack)
    _save_given(stack, "start-serve", stack.given)
    stack.down(SERVING)
    stack.up([*STORE, *serving(stack.settings), *SIMULATORS])
    if stack.supervisor.runs("prefect"):
        if not stack.supervisor.runs("worker"):  # it was stopped for its settings, which the schedules have too
            stack.finish_deploying(stack.start_deploying())
        stack.up(WORKER)
    if stack.supervisor.runs("reports"):
        stack.up(PAGES)
    show(stack)
    return 0


def _stop_serve(stack: Stack, _: argparse.Namespace) -> int:
    stack.down(SERVING)
    console.print("The servers, monitor and simulators are stopped. The registry and the store are still running.")
    return 0


def _status(stack: Stack, _: argparse.Namespace) -> int:
    return 0 if status(stack) else 3


def _logs(stack: Stack, arguments: argparse.Namespace) -> int:
    log_files.show(stack.layout.logs, arguments.rest)
    return 0


def _stop(stack: Stack, _: argparse.Namespace) -> int:
    console.print("Stopped; nothing is left running." if stack.end() else "Nothing was running.")
    return 0


def _reset(stack: Stack, arguments: argparse.Namespace) -> int:
    _stop(stack, arguments)
    shutil.rmtree(stack.layout.state, ignore_errors=True)
    console.print(f"Removed {stack.layout.state}: runs, models, predictions and reports were deleted.")
    return 0


def _exec(stack: Stack, arguments: argparse.Namespace) -> int:
    target = service(arguments.rest[0], stack.layout, stack.settings)
    for path in target.stale_files:
        path.unlink(missing_ok=True)
    base = process_base(inherited(os.environ))
    environ = {**base, **process_environ(stack.layout, stack.given), **target.environ}
    os.chdir(target.working_folder or PROJECT)
    os.execvpe(target.command[0], target.command, environ)  # noqa: S606 - the command is built from our own layout


_COMMANDS = {
    "run": _run,
    "setup-registry": _setup_registry,
    "init-aws": _init_aws,
    "train": _train,
    "report": _report,
    "start-serve": _start_serve,
    "stop-serve": _stop_serve,
    "status": _status,
    "logs": _logs,
    "stop": _stop,
    "reset": _reset,
    "exec": _exec,
    **MODULES,
}
_WHOLE = {"run", "setup-registry"}
_FOR_ONE_START = {"RUN_ID", "RUN_IDS"}
_OF_THE_CLONE = {"PORT_OFFSET"}
# The worker is not restarted for these.
_SIMULATED = set(map(str.upper, SimulatorSettings.__annotations__))
_NOT_FOR_FLOWS = {"RUN_ID", "RUN_IDS", "CONSUMERS", "API_KEY"} | _SIMULATED
_STARTING = {"run", "setup-registry", "init-aws", "train", "report", "start-serve"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m embedded", description="The whole stack without Docker.")
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument("rest", nargs="*", help=f"process names ({', '.join(STACK)}), or a flow's own arguments")
    parser.add_argument("--state", default=str(PROJECT / ".state"), help="the folder that holds everything it writes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
