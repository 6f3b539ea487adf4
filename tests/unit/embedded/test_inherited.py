"""What the stack's processes take over from the shell that starts them."""

from __future__ import annotations

import socket
import urllib.request
from threading import Thread

import boto3
import httpx
import pytest

from embedded.inherited import has_proxy, inherited
from embedded.services import backends
from embedded.services.loopback import open_loopback

PROXY = "http://127.0.0.1:9"


def _answer_once(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(4_096)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


@pytest.fixture
def shell(monkeypatch):
    """Set the environment to what the stack's processes get from a shell with these variables."""

    def set_to(**given: str) -> None:
        for name, value in inherited(given).items():
            monkeypatch.setenv(name, value)

    return set_to


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
@pytest.mark.parametrize("named", [{}, {"NO_PROXY": "intern.example"}, {"no_proxy": "intern.example, 10.0.0.1"}])
def test_this_machine_is_asked_without_the_proxy_and_others_as_the_shell_says(shell, named, name):
    shell(**{name: PROXY}, **named)
    for host in ("127.0.0.1", "localhost", "::1", *(["intern.example"] if named else [])):
        assert urllib.request.proxy_bypass(host)
    assert not urllib.request.proxy_bypass("example.org")
    assert name in inherited({name: PROXY})


def test_a_proxy_that_a_client_cannot_speak_to_does_not_stop_it(shell):
    shell(ALL_PROXY="socks5://127.0.0.1:9", all_proxy="SOCKS5h://127.0.0.1:9")
    httpx.Client().close()


def test_our_own_requests_know_no_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", PROXY)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.listen()
        Thread(target=_answer_once, args=(server,)).start()
        with open_loopback(urllib.request.Request(f"http://127.0.0.1:{server.getsockname()[1]}/"), 5) as answer:
            assert answer.status == 204
    assert has_proxy({"http_proxy": PROXY})
    assert not has_proxy({"http_proxy": "", "NO_PROXY": "*"})


def test_the_users_own_profiles_logins_and_servers_are_left_behind(shell, monkeypatch):
    own = {
        "AWS_PROFILE": "nobody",
        "AWS_ENDPOINT_URL_S3": "https://s3.example",
        "AWS_SESSION_TOKEN": "token",
        "MLFLOW_TRACKING_TOKEN": "token",
        "PREFECT_PROFILE": "cloud",
        "PREFECT_API_KEY": "key",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql://company",
        "GUNICORN_CMD_ARGS": "--workers 99",
    }
    assert not own.keys() & inherited(own).keys()
    assert {"PATH": "/bin", "LANG": "C", "PREFECT_LOGGING_LEVEL": "DEBUG"}.items() <= inherited(
        own | {"PATH": "/bin", "LANG": "C", "PREFECT_LOGGING_LEVEL": "DEBUG"}
    ).items()
    for name, value in backends.AWS_ENVIRON.items():
        monkeypatch.setenv(name, value)
    assert boto3.session.Session().available_profiles == []
