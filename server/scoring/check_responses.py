"""Check the API that runs here: `python -m server.scoring.check_responses`; 1 if it does not respond as it must.

For each table a golden record of its model is sent to `/predict`, which keeps it as any prediction. The response must
have the very scores that the record had when the model was made.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any

import msgspec

from tabular.errors import BrokenBundle, TabularError, Unavailable
from tabular.model.bundle import Bundle, Golden
from tabular.predictions.prediction import outcome
from tabular.process.private_files import keep_private
from tabular.wiring import Wiring, wire

TIMEOUT_SECONDS = 20.0


def main() -> int:
    """Check every table that has a model, and say which run responded."""
    keep_private()
    try:
        wirings = wire().for_tables()
        tables = _asked(wirings[0], "/health/ready")["tables"]
        said = [_check(wiring, tables[wiring.contract.table.name]) for wiring in wirings]
    except (TabularError, KeyError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in said))
    return 0


def expected(bundle: Bundle, golden: Golden) -> dict[str, Any]:
    """What a response to a golden record has of its scores."""
    contract = bundle.contract
    classes = () if contract.target.positive else contract.target.classes
    score, probabilities, winner = outcome(golden.scores if classes else golden.scores[0], classes)
    found = {contract.reply.prediction_key: score if winner is None else winner}
    return found if probabilities is None else found | {"probabilities": probabilities}


def _check(wiring: Wiring, state: Mapping[str, Any]) -> str:
    table, run_id = wiring.contract.table.name, state.get("model_run_id")
    if run_id is None:
        return f"{table} has no model: {state.get('reason', '')}"
    if wiring.pinned_run not in {"", run_id}:
        raise BrokenBundle(f"{table}: the run {run_id} is served, and {wiring.pinned_run} is pinned")
    bundle = wiring.bundles().load(run_id)
    golden = bundle.golden[0]
    response, wanted = _asked(wiring, f"{wiring.path_prefix}/predict", golden.record), expected(bundle, golden)
    if differing := {key: response.get(key) for key, value in wanted.items() if response.get(key) != value}:
        raise BrokenBundle(f"{table}: the response to a golden record has {differing}, and must have {wanted}")
    return f"{table}: run {run_id} responds to a golden record as when it was made"


def _asked(wiring: Wiring, path: str, record: Mapping[str, Any] | None = None) -> dict[str, Any]:
    settings = wiring.settings
    connection = HTTPConnection("127.0.0.1", settings.api_port, timeout=TIMEOUT_SECONDS)
    headers = {"Content-Type": "application/json"} | ({"X-API-Key": settings.api_key} if settings.api_key else {})
    try:
        connection.request("GET" if record is None else "POST", path, msgspec.json.encode(record), headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != HTTPStatus.OK:
            raise Unavailable("the API", f"{path} responded {response.status}: {body[:2_000].decode(errors='replace')}")
        found: dict[str, Any] = msgspec.json.decode(body)
    except (OSError, HTTPException, msgspec.MsgspecError) as error:
        raise Unavailable("the API", f"{path} did not respond: {error}") from error
    finally:
        connection.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
