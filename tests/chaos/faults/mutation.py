"""Seeded damage to good request bodies: what a broken client, proxy or cable might send (pure)."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

ODD_VALUES = (
    None, True, False, 0, -1, -0.0, 1e308, 10**18, 2**64, -(2**63) - 1, "", " ", "Unknown", "x" * 101, "\u0000", "é",
    "😀", [], {}, [[]], {"a": None}, "NaN", "1e5", "<script>", "'; --", "../..", "%s%n",
)  # fmt: skip
TOKENS = (
    b"NaN",
    b"Infinity",
    b"-",
    b"1e999",
    b"\\ud800",
    b"\xff",
    b"\x00",
    b"{",
    b"}",
    b"[",
    b'"',
    b",",
    b":",
    b"9" * 50,
)

Mutation = Callable[[Random, dict[str, Any]], bytes]


def mutated(draw: Random, record: dict[str, Any]) -> bytes:
    """A body made of a good record by one to three kinds of damage."""
    body = draw.choice(RECORD_DAMAGE)(draw, dict(record))
    for _ in range(draw.choice((0, 0, 1, 2))):
        body = draw.choice(BYTE_DAMAGE)(draw, body)
    return body


def _odd_value(draw: Random, record: dict[str, Any]) -> bytes:
    for name in draw.sample(sorted(record), draw.randint(1, min(3, len(record)))):
        record[name] = draw.choice(ODD_VALUES)
    return json.dumps(record).encode()


def _odd_number(draw: Random, record: dict[str, Any]) -> bytes:
    record[draw.choice(sorted(record))] = draw.choice((draw.uniform(-1e9, 1e9), draw.randint(-(2**70), 2**70)))
    return json.dumps(record).encode()


def _odd_names(draw: Random, record: dict[str, Any]) -> bytes:
    name = draw.choice(sorted(record))
    value = record.pop(name)
    if draw.random() < 0.7:
        record[draw.choice((name.upper(), name + " ", "", "x" * 300, "__class__", "\u202e" + name))] = value
    return json.dumps(record).encode()


def _twice(draw: Random, record: dict[str, Any]) -> bytes:
    name = draw.choice(sorted(record))
    return json.dumps(record)[:-1].encode() + b", " + json.dumps({name: draw.choice(ODD_VALUES)})[1:].encode()


def _wrapped(draw: Random, record: dict[str, Any]) -> bytes:
    shape = draw.choice(([record], {"record": record}, [record, record], json.dumps(record), 3, None))
    return json.dumps(shape).encode()


def _as_it_is(_: Random, record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def _flip(draw: Random, body: bytes) -> bytes:
    changed = bytearray(body or b" ")
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _cut(draw: Random, body: bytes) -> bytes:
    return body[: draw.randint(0, len(body))]


def _insert(draw: Random, body: bytes) -> bytes:
    at = draw.randint(0, len(body))
    return body[:at] + draw.choice(TOKENS) + body[at:]


def _drop(draw: Random, body: bytes) -> bytes:
    at = draw.randint(0, len(body))
    return body[:at] + body[at + draw.randint(1, 20) :]


def _deepen(draw: Random, body: bytes) -> bytes:
    depth = draw.choice((10, 500, 5_000))
    return draw.choice((b"[", b'{"a":')) * depth + body


def _recode(draw: Random, body: bytes) -> bytes:
    return body.decode("utf-8", "replace").encode(draw.choice(("utf-16", "utf-32", "utf-8-sig")))


RECORD_DAMAGE: tuple[Mutation, ...] = (_odd_value, _odd_value, _odd_number, _odd_names, _twice, _wrapped, _as_it_is)
BYTE_DAMAGE = (_flip, _cut, _insert, _drop, _deepen, _recode)
