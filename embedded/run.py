"""`make run`: the whole loop, from an empty folder to the first report, step by step."""

from __future__ import annotations

import json
import os
import shlex
import time
import urllib.error
import urllib.request
from pathlib import Path

from embedded import preflight
from embedded.console import console, say, step, table
from embedded.inherited import has_proxy
from embedded.layout import PROJECT
from embedded.model_check import check_promoted
from embedded.operate import Stack
from embedded.services.logins import api_key_file
from embedded.services.loopback import open_loopback
from embedded.services.stack import PAGES, REGISTRY, SIMULATORS, STORE, WORKER, left_out, serving
from embedded.status import ADDRESSES, urls
from tabular.contract.loading import load_contract
from tabular.errors import Unavailable
from tabular.wiring import Wiring

FIRST_WINDOW_ROWS = 400
FIRST_WINDOW_RATE_PER_SECOND = 100


def run(stack: Stack) -> None:
    """Start, train, serve, predict, report, and leave the loop running; raises TabularError if a step fails."""
    began = time.monotonic()
    preflight.check(stack.layout, stack.supervisor, stack.settings.consumers)
    for name, why in left_out().items():
        console.print(f"[yellow]skipped:[/yellow] {name} is not installed, so {why}. To install it: make setup_tests")
    with step("Starting S3 and Kinesis, the prediction store, MLflow, Prefect and the report pages"):
        stack.up({**REGISTRY, **STORE, **PAGES})
    deploying = stack.start_deploying()
    with step("Loading the table into the feature store and creating the streams"):
        stack.call("model_orchestration.init_aws")
    with step("Training: checks, sweep, evaluation, gate, registry"):
        for name in stack.tables:
            stack.call("model_orchestration.flow", "train", "--table", name)
    check_promoted(stack)
    with step("Starting the API, the stream consumer and the monitor"):
        stack.up(serving(stack.settings))
    with step("Requesting a prediction"):
        say(json.dumps(first_prediction(stack)))
        say(f"{time.monotonic() - began:.0f} s since the start")
    with step("Starting the Prefect worker with the flows, and the simulators"):
        stack.finish_deploying(deploying)
        stack.up({**WORKER, **SIMULATORS})
    with step(f"Sending {FIRST_WINDOW_ROWS} rows, so that there is something to report"):
        _send_first_window(stack)
    with step("Writing a drift report"):
        stack.call("reporting.flow")
    show(stack)


def first_prediction(stack: Stack) -> dict[str, object]:
    """The API's response to the contract's example; raises Unavailable."""
    body = json.dumps(example(stack)).encode()
    url = f"http://127.0.0.1:{stack.layout.ports.api}/predict"
    key = stack.settings.api_key
    headers = {"Content-Type": "application/json"} | ({"X-API-Key": key} if key else {})
    request = urllib.request.Request(url, body, headers)
    try:
        with open_loopback(request, timeout_seconds=10) as response:
            found: dict[str, object] = json.load(response)
            return found
    except urllib.error.URLError as error:
        raise Unavailable("the API", f"{error}; its log is {stack.layout.logs / 'api.log'}") from error


def example(stack: Stack) -> dict[str, int | float | str]:
    """The contract's example, as a request body; raises InvalidContract."""
    return load_contract(PROJECT / Path(stack.settings.contract)).example


def show(stack: Stack) -> None:
    """Print the addresses, the run that is served, and a curl command; raises Unavailable without a response."""
    prediction = first_prediction(stack)
    console.print()
    table("The loop is running", urls(stack), ADDRESSES)
    console.print(f"\nRUN_ID {prediction['model_run_id']}")
    for name, path in paths(stack).items():
        console.print(f"The table {name} is served at {path}", markup=False)
    console.print("Request a prediction yourself:\n", style="bold")
    console.print(f"{curl_line(stack)}\n", markup=False)
    console.print(f"Logs: {stack.layout.logs}   State: make status   Stop: make stop")
    console.print(f"Open http://127.0.0.1:{stack.layout.ports.reports} in a browser to see all of it.")


def paths(stack: Stack) -> dict[str, str]:
    """Where each of several tables is served, the first's first; nothing for one table. Raises InvalidContract."""
    wirings = Wiring(stack.settings).for_tables()
    found = {wiring.contract.table.name: f"{wiring.path_prefix}/predict" for wiring in wirings}
    return found if len(found) > 1 else {}


def curl_line(stack: Stack) -> str:
    """A shell command that requests a prediction; it reads the API key from its file, so that it is never displayed."""
    direct = ["--noproxy", "127.0.0.1"] if has_proxy(os.environ) else []
    words = [
        "curl",
        *direct,
        f"http://127.0.0.1:{stack.layout.ports.api}/predict",
        "-H",
        "Content-Type: application/json",
    ]
    line = shlex.join([*words, "-d", json.dumps(example(stack))])
    if key := stack.settings.api_key:
        line += f' -H "X-API-Key: $(cat {shlex.quote(str(api_key_file(stack.layout, key)))})"'
    return line


def _send_first_window(stack: Stack) -> None:
    url = f"http://127.0.0.1:{stack.layout.ports.api}"
    pace = ("--count", str(FIRST_WINDOW_ROWS), "--rate", str(FIRST_WINDOW_RATE_PER_SECOND))
    # At once, so that quality is shown as soon as drift is.
    stack.call("simulation_business.send_data_api", "--url", url, *pace, "--label-delay", "0")
