"""Seeded damage to good bodies over real HTTP: every response is 200 or a 4xx of the one shape, never a 5xx.

FUZZ_SECONDS and SEED make the run longer or another one.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections import Counter
from random import Random

from server.api.labels.openapi import example_label
from tests.chaos.faults.mutation import mutated

SECONDS = float(os.environ.get("FUZZ_SECONDS", "12"))
SEED = int(os.environ.get("SEED", "0"))
MANY = ["application/json", "application/x-ndjson"]
PATHS = {"/predict": ["application/json"], "/predict/batch": MANY, "/labels": MANY}


def test_damaged_bodies_are_served_200_or_4xx_in_the_one_shape(run_api, contract):
    draw, responses = Random(SEED), Counter()
    with run_api() as api:
        connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            path = draw.choice(sorted(PATHS))
            body = mutated(draw, example_label(contract) if path == "/labels" else contract.example)
            connection.request("POST", path, body, {"Content-Type": draw.choice(PATHS[path])})
            response = connection.getresponse()
            status, text = response.status, response.read()
            responses[status] += 1
            assert status in {200, 400, 413, 422}, (SEED, body, text)
            if status != 200:
                error = json.loads(text)["error"]
                assert set(error) == {"code", "message", "remedy", "faults", "request_id"}, (SEED, body, text)
        connection.close()
        assert "Traceback" not in api.log.read_text()
    assert sum(responses.values()) > 200
    assert responses.keys() >= {200, 400, 422}
    print(f"seed {SEED}: {dict(responses)}")
