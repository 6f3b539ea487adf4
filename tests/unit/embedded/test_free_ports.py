"""Ports for servers that start in a while: free, each given once, and none that an outgoing connection may take."""

from __future__ import annotations

import socket
from pathlib import Path

from embedded.services.service import FREE_PORTS, free_port

OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_free_ports_are_free_and_given_once():
    ports = [free_port() for _ in range(200)]
    assert len(set(ports)) == len(ports)
    for port in ports:
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("127.0.0.1", port))


def test_no_outgoing_connection_is_given_one():
    assert FREE_PORTS[-1] < int(OUTGOING.read_text().split()[0])
