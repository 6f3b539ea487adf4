"""The names by which a server may be asked."""

from __future__ import annotations

import pytest

from tabular.process.allowed_hosts import AllowedHosts
from tabular.settings import Settings

DEFAULT = Settings().allowed_hosts


@pytest.mark.parametrize("host", ["localhost", "localhost:9696", "LocalHost:1", "127.0.0.1:65535", "[::1]:80", "[::1]"])
def test_this_machine_is_allowed_by_default(host):
    assert host in AllowedHosts(DEFAULT)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:9696",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example@localhost",
        "localhost:80:80",
        "localhost:",
        "localhost:x",
        "localhost ",
        "localhost,evil.example",
        "::1",
        "[::1].evil",
        "0.0.0.0",
    ],
)
def test_other_names_are_not(host):
    assert host not in AllowedHosts(DEFAULT)


def test_names_can_be_given_and_all_be_allowed():
    assert "api.example:443" in AllowedHosts("localhost, API.example")
    assert "127.0.0.1" not in AllowedHosts("api.example")
    assert "anything.example" in AllowedHosts("*")


def test_even_where_every_name_is_allowed_it_must_be_one():
    assert "" not in AllowedHosts("*")
    assert "a b" not in AllowedHosts("*")
