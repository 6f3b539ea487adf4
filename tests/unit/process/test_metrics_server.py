"""The metrics of the consumer and the monitor over HTTP: by their own names, and to no foreign page."""

from __future__ import annotations

import http.client
import socket

import pytest

from embedded.services.service import free_port
from server.stream.metrics import StreamMetrics, serve_metrics
from tabular.errors import InvalidSetting
from tests.foreign_page import permissions

NAMES = "localhost,127.0.0.1,serve-kinesis"


@pytest.fixture
def port():
    port = free_port()
    stop = serve_metrics({"churn": StreamMetrics()}, "127.0.0.1", port, NAMES)
    yield port
    stop()


def ask(port, *hosts):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", "/metrics", skip_host=True)
    for host in hosts:
        connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost:8086", "serve-kinesis:8086"])
def test_it_responds_to_allowed_hosts(port, name):
    status, text = ask(port, name)
    assert status == 200
    assert b"consumer_records_total" in text


@pytest.mark.parametrize("hosts", [(), ("evil.example",), ("localhost", "evil.example"), ("",)])
def test_it_rejects_other_hosts_and_names_the_setting(port, hosts):
    status, text = ask(port, *hosts)
    assert status == 421
    assert b"ALLOWED_HOSTS" in text
    assert b"consumer_" not in text


def test_a_foreign_page_is_permitted_nothing(port):
    assert permissions("127.0.0.1", port, "/metrics") == []


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSetting, match=f"CONSUMER_METRICS_PORT={port} cannot be used"):
            serve_metrics({"churn": StreamMetrics()}, "127.0.0.1", port, NAMES)
