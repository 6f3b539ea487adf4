"""An API to speak to by hand, and what holds of every request: no 500, no traceback, predictions only if served."""

from __future__ import annotations

import json

import pytest

from tests.server.conformance.exchange import Outcome, exchange

TRACEBACK = "Traceback (most recent call last)"


class Checked:
    """Speaks to an API, and checks what it must never do."""

    def __init__(self, api) -> None:
        self.api = api

    def predictions(self) -> int:
        """How many rows it has predicted so far."""
        return int(self.api.metric("api_rows_total", outcome="served"))

    def _stored(self) -> int:
        """How many predictions are on disk: none leaves it, since there is no store."""
        return int(self.api.metric("api_outbox_predictions"))

    def _log(self) -> str:
        return self.api.log.read_text(errors="replace")

    def outcome(self, *pieces: bytes, count: int = 1, half_close: bool = False, to_head: bool = False) -> Outcome:
        """A conversation; as many rows are predicted as there are responses with a prediction in them."""
        before, stored, log = self.predictions(), self._stored(), self._log()
        found = exchange(self.api.port, *pieces, count=count, half_close=half_close, to_head=to_head)
        served = [each for each in found.responses if each.status == 200 and b'"prediction_id"' in each.body]
        predicted = sum("idempotent-replayed" not in each.headers for each in served)  # that was made before
        assert self.predictions() - before == predicted, f"not as many predictions as {found}"
        assert self._stored() - stored == predicted, f"not as many predictions on disk as {found}"
        assert not [each for each in found.responses if each.status in {500, 502, 504}], found
        assert TRACEBACK not in self._log()[len(log) :]
        return found

    def rejected(self, *pieces: bytes, by: set[int], closes: bool = False) -> Outcome:
        """A conversation in which one request is rejected with one of these statuses, and nothing behind it is run."""
        found = self.outcome(*pieces)
        assert len(found.responses) == 1, found
        assert found.statuses[0] in by, found
        assert not (closes and found.is_open), found
        return found

    def served(self, *pieces: bytes, count: int = 1) -> Outcome:
        """A conversation in which each of so many requests is served 200."""
        found = self.outcome(*pieces, count=count)
        assert found.statuses == [200] * count, found
        return found


@pytest.fixture(scope="module")
def server(run_api):
    with run_api(API_WORKERS="1") as api:
        yield Checked(api)


@pytest.fixture(scope="module")
def row(contract) -> bytes:
    return json.dumps(contract.example).encode()
