"""When more requests come than may be queued, or the API is stopped: each gets a response, and soon."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time

from tests.server.raw_http import connected, request, responses


def burst(api, body, clients):
    """As many kept connections, each with one request sent before any response is read; the statuses and headers."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(connected(api)) for _ in range(clients)]
        for each in sockets:
            each.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            responses(each)
        os.kill(api.workers()[0], signal.SIGSTOP)  # so that all of them are there at once
        try:
            for each in sockets:
                each.sendall(request(body))
        finally:
            os.kill(api.workers()[0], signal.SIGCONT)
        return [responses(each)[0] for each in sockets]


def test_more_than_may_wait_are_rejected_at_once_with_a_time_to_retry_after(run_api, good, contract):
    with run_api(API_WORKERS="1", API_MAX_QUEUED_REQUESTS="10") as api:
        found = burst(api, good, 60)
        statuses = [status for status, _, _ in found]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 10
        shed = [(headers, json.loads(body)["error"]) for status, headers, body in found if status == 503]
        assert {headers["retry-after"] for headers, _ in shed} == {"1"}
        assert {error["code"] for _, error in shed} == {"overloaded"}
        assert api.metric("http_requests_shed_total") == len(shed)
        assert api.metric("api_outbox_predictions") == statuses.count(200)
        assert api.predict(contract.example)[0] == 200


def test_health_is_told_however_many_wait(run_api, good):
    with run_api(API_WORKERS="1", API_MAX_QUEUED_REQUESTS="1") as api, contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(connected(api)) for _ in range(20)]
        os.kill(api.workers()[0], signal.SIGSTOP)
        for each in sockets:
            each.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        os.kill(api.workers()[0], signal.SIGCONT)
        assert {responses(each)[0][0] for each in sockets} == {200}


def test_a_cycle_whose_predictions_cannot_be_written_gets_503_each_and_counts_none(run_api, good, contract):
    # A row that is served and one that is not, in the same cycle as those that need the disk.
    with run_api(API_WORKERS="1", OUTBOX_MAX_BYTES="65536") as api:
        while api.predict(contract.example)[0] == 200:
            pass
        before = api.metric("api_rows_total", outcome="served")
        depth = api.metric("api_outbox_predictions")
        found = burst(api, good, 12)
        assert {status for status, _, _ in found} == {503}
        assert all("outbox" in json.loads(body)["error"]["message"] for _, _, body in found)
        assert api.metric("api_rows_total", outcome="served") == before == depth
        assert api.metric("api_outbox_predictions") == depth
        assert api.predict({})[0] == 422


def test_stopped_it_serves_what_has_come_and_what_is_on_its_way(run_api, good, contract):
    with run_api(API_WORKERS="1") as api:
        with connected(api) as idle, connected(api) as late:
            idle.sendall(request(good))
            assert responses(idle)[0][0] == 200
            text = request(good)
            late.sendall(text[:-10])
            done = []
            batch = threading.Thread(
                target=lambda: done.append(api.predict([contract.example] * 5_000, "/predict/batch"))
            )
            batch.start()
            time.sleep(0.3)
            api.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            late.sendall(text[-10:])
            status, headers, _ = responses(late)[0]
            assert (status, headers["connection"]) == (200, "close")
            batch.join()
            assert done[0][0] == 200
        assert api.process.wait(20) == 0


def test_a_stopped_worker_does_not_wait_for_those_who_say_nothing(run_api):
    with run_api(API_WORKERS="1") as api, connected(api), connected(api):
        started = time.monotonic()
        api.process.send_signal(signal.SIGTERM)
        api.process.wait(20)
        assert time.monotonic() - started < 10
