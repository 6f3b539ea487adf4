"""A warmed-up API with one worker to attack, one a module."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.server.attacks.attack import Target
from tests.server.attacks.catalog import catalog
from tests.server.attacks.measure import KEY, Measured, measure, warm


@pytest.fixture(scope="session")
def under_attack(run_api, contract):
    """Runs the API in a `with` block, which gives a function that carries out an attack by its name and its scale."""

    @contextmanager
    def run(**environ: str) -> Iterator[Callable[[str, float], Measured]]:
        with run_api(API_WORKERS="1", **environ) as api:
            warmed: set[int] = set()

            def attack(name: str, scale: float) -> Measured:
                (worker,) = api.workers()
                target = Target(api.port, worker, api.log, json.dumps(contract.example).encode())
                if worker not in warmed:  # also one that had to replace another
                    warm(target, environ.get(KEY, ""))
                    warmed.add(worker)
                # How long others wait is measured by `make attacks`: here the machine has other tests to run as well.
                return measure(replace(catalog()[name], p99_ms=None), target, scale)

            yield attack

    return run


@pytest.fixture(scope="module")
def attack(under_attack):
    with under_attack() as carry_out:
        yield carry_out
