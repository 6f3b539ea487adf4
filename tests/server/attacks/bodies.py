"""Attacks by what a single request carries: large bodies that are rejected, responses larger than their request."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from tests.server.attacks.attack import STRANGER, Attack, Found, Target
from tests.server.wire import BATCH, JSON, NDJSON, SINGLE, NotHttp, answer, connected, head, post, send

BODY_BYTES = 4_900_000
LIMIT_BYTES = 5_000_000
REJECTED_TIMES = 400
RESPONSE_BYTES_SPARED = 100_000
UNKNOWN_KEYS = 410_000
"""As many as a body within the limit holds."""
CHUNKS = 800_000
TRACEBACK = "Traceback (most recent call last)"


def attacks() -> list[Attack]:
    """The attacks of this module."""
    not_json = b'{"a": "' + b"x" * BODY_BYTES
    unknown = unknown_keys(UNKNOWN_KEYS)
    at_most = "response ≤ twice the body + 100 kB"
    large = f"{REJECTED_TIMES} bodies of 4.9 MB"
    return [
        Attack(
            "no-key",
            f"{large} without the key",
            partial(rejected, request=post(b" " * BODY_BYTES), wanted={"401"}),
            environ={"API_KEY": "k" * 32},
        ),
        Attack(
            "wrong-type",
            f"{large} of another content type",
            partial(rejected, request=post(b" " * BODY_BYTES, media="text/plain"), wanted={"415"}),
        ),
        Attack(
            "not-json", f"{large} that are no JSON", partial(rejected, request=post(not_json), wanted={"400", "413"})
        ),
        Attack("empty-rows", "[{},{},…], 30 kB", partial(amplified, body=b"[" + b"{}," * 9_999 + b"{}]"), at_most),
        Attack(
            "empty-lines",
            "{} in 10,000 lines, 30 kB",
            partial(amplified, body=b"{}\n" * 10_000, media=NDJSON),
            at_most,
        ),
        Attack("unknown-keys", "5 MB of unknown keys", partial(amplified, body=unknown, path=SINGLE), at_most),
        Attack(
            "unknown-keys-row",
            "5 MB of unknown keys as a row of a batch",
            partial(amplified, body=b"[" + unknown + b"]"),
            at_most,
        ),
        Attack(
            "unknown-keys-rows",
            "5 MB of unknown keys in 10,000 rows",
            partial(amplified, body=b"[" + b",".join([unknown_keys(60)] * 10_000) + b"]"),
            at_most,
        ),
        Attack("chunks", f"{CHUNKS:,} chunks of one byte", chunks, cpu_seconds=0.5),
        Attack("expect", "Expect: 100-continue, then 6 MB", expect, "413, no traceback"),
    ]


def unknown_keys(count: int) -> bytes:
    """A JSON object of so many keys that no contract has."""
    return json.dumps({f"k{number}": 1 for number in range(count)}, separators=(",", ":")).encode()


def rejected(target: Target, scale: float, *, request: bytes, wanted: set[str]) -> Found:
    """One connection after the other sends a large body, and reads why it is rejected."""
    found = Found()
    for _ in target.times(round(REJECTED_TIMES * scale)):
        found.statuses[asked(target, request)[0]] += 1
    # A server that ends the connection before it has read the body may lose its response on the way.
    strange = found.statuses.keys() - wanted - {"no response"}
    found.check(holds=not strange, fault=f"status {', '.join(sorted(strange))}")
    found.check(holds=not wanted.isdisjoint(found.statuses), fault=f"no status was {', '.join(sorted(wanted))}")
    return found


def asked(target: Target, request: bytes, seconds: float = 30.0) -> tuple[str, int]:
    """The status of the response to a request on a connection of its own, and how long its body is."""
    with connected(target.port, STRANGER, seconds) as connection, connection.makefile("rb") as file:
        try:
            send(connection, request)
            given = answer(file)
        except (TimeoutError, NotHttp) as error:
            return type(error).__name__, 0
        return (str(given.status), len(given.body)) if given else ("no response", 0)


def amplified(target: Target, scale: float, *, body: bytes, path: str = BATCH, media: str = JSON) -> Found:
    """Ask a few times for a response that may be far larger than the request."""
    found, largest, bound = Found(), 0, 2 * len(body) + RESPONSE_BYTES_SPARED
    for _ in target.times(max(2, round(6 * scale))):
        status, size = asked(target, post(body, path=path, media=media))
        found.statuses[status] += 1
        largest = max(largest, size)
    found.figure = f"response {largest / 1e6:.2f} MB"
    found.check(holds=largest <= bound, fault=f"the response is larger than {bound / 1e6:.2f} MB")
    found.check(holds=not found.statuses.keys() - {"200", "400", "413", "422"}, fault=f"{dict(found.statuses)}")
    return found


def chunks(target: Target, scale: float) -> Found:
    """A chunked body, each byte a chunk of its own; the whole would be a valid size."""
    count = round(CHUNKS * scale)
    body = b'{"a":"' + b"x" * (count - 8) + b'"}'
    framed = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    request = head("POST", SINGLE, f"Content-Type: {JSON}", "Transfer-Encoding: chunked") + framed
    found = Found()
    found.statuses[asked(target, request)[0]] += 1
    expected = {"400", "413", "422", "no response"}
    found.check(holds=not found.statuses.keys() - expected, fault=f"{dict(found.statuses)}")
    return found


def expect(target: Target, scale: float) -> Found:
    """Bodies over the limit, announced or not, whose senders ask first whether to send."""
    found = Found()
    length = f"Content-Length: {LIMIT_BYTES + 1_000_000}"
    for _ in target.times(max(3, round(20 * scale))):
        for framing in (length, "Transfer-Encoding: chunked"):
            found.statuses[_expected(target, framing)] += 1
    found.check(holds=found.statuses.keys() == {"413"}, fault=f"{dict(found.statuses)}")
    found.check(holds=TRACEBACK not in target.log.read_text(), fault="a traceback in the log")
    return found


def _expected(target: Target, framing: str) -> str:
    """The status in the end; a client that is told to go on does so."""
    with connected(target.port, STRANGER) as connection, connection.makefile("rb") as file:
        try:
            send(connection, head("POST", SINGLE, f"Content-Type: {JSON}", framing, "Expect: 100-continue"))
            given = answer(file)
            if given and given.status == 100:
                _send_too_much(partial(send, connection), framing)
                given = answer(file)
        except (TimeoutError, NotHttp) as error:
            return type(error).__name__
        return str(given.status) if given else "no response"


def _send_too_much(give: Callable[[bytes], bool], framing: str) -> None:
    piece = b" " * 65_536
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece) if "chunked" in framing else piece
    for _ in range(-(-(LIMIT_BYTES + 1_000_000) // len(piece))):
        if not give(chunk):
            return
