"""Schemathesis against our own /openapi.json on the real server: what the document says is what the server does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from embedded.layout import PROJECT
from tabular.contract.loading import load_contract

SEED, EXAMPLES = 42, 150
FURTHER, RUN = "telecom_churn", "further"
# A key that is used again is rejected, with whatever valid body: here each request has one of its own.
HOOKS = """
import itertools
import schemathesis

NUMBERS = itertools.count()

@schemathesis.hook
def before_call(context, case, **kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 0 < len(key) < 190:
        case.headers["Idempotency-Key"] = f"{key}{next(NUMBERS)}"
"""
# What is too large is rejected with 413. A batch is served 200 whatever is in its rows: each row has its own response.
# A schema cannot say that a date is not in the future, nor that no prediction is given two outcomes; and a
# class may be spelt in any letter case, or be a missing token.
CONFIG = """
hooks = "hooks.py"

[checks.negative_data_rejection]
expected-statuses = [400, 401, 413, 415, 422]

[[operations]]
include-path = "PREFIX/predict/batch"
checks.negative_data_rejection.expected-statuses = [200, 400, 401, 413, 415, 422]

[[operations]]
include-path = "PREFIX/labels"
checks.positive_data_acceptance.expected-statuses = [200, 413, 422]
checks.negative_data_rejection.expected-statuses = [200, 400, 401, 413, 415, 422]
"""


@pytest.fixture
def state(tmp_path, make_bundle, contract):
    """The local copies of a run of each of two tables."""
    make_bundle(contract, tmp_path / "state" / "bundles" / "aaaa")
    make_bundle(load_contract(PROJECT / "contracts" / f"{FURTHER}.toml"), tmp_path / "state" / "bundles" / RUN)
    return tmp_path / "state"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("prefix", "only"),
    [("", ()), (f"/tables/{FURTHER}", ("--include-path", f"/tables/{FURTHER}/labels"))],
    ids=["first table", "labels of a further table"],
)
def test_every_response_is_one_that_the_document_describes(run_api, state, tmp_path, prefix, only):
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.replace("PREFIX", prefix))
    (tmp_path / "hooks.py").write_text(HOOKS)
    tables = {"TABLES": f"credit_card_churn,{FURTHER}", f"RUN_ID_{FURTHER.upper()}": RUN} if prefix else {}
    with run_api(state, API_WORKERS="1", MAX_BODY_BYTES="100000", MAX_BATCH_ROWS="50", **tables) as api:
        document = f"http://127.0.0.1:{api.port}{prefix}/openapi.json"
        command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "run", document]
        command += ["--seed", str(SEED), "--max-examples", str(EXAMPLES), *only]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not only or "1 selected" in done.stdout
        assert api.metric("http_requests_total", status="500") == 0
        assert api.metric("http_requests_total", status="200") > (1 if only else EXAMPLES)
        assert "Traceback" not in api.log.read_text()
