"""Which fault comes when: drawn from a seed alone, so that a run can be repeated (pure).

A run is a row of rounds. In a round the faults of `MIX` overlap under load; then the load rests, everything is audited,
and what an emulator cannot survive with unread records (`AT_REST`) is done on streams that are read to their end.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

ROUND_SECONDS, REST_SECONDS = 60.0, 15.0
PAUSE_SECONDS = 4.0
LONG_PAUSE_SECONDS = 60.0

# How often in a round. What takes a long time to start again comes in turn, one a round.
MIX = {
    "kill an API worker": 6,
    "kill the relay": 3,
    "kill the API's master": 1,
    "kill the consumer": 3,
    "kill the store": 2,
    "pause the store": 1,
    "disk full under the outbox": 1,
    "throttled": 3,
    "partial puts": 3,
    "expired iterators": 2,
    "responses lost on the way": 2,
    "clock jump": 1,
    "malformed bodies": 1,
    "malformed records": 1,
}
ONCE = dict.fromkeys(MIX, 1) | {"kill the consumer": 2}
IN_TURN = ("kill MLflow", "kill the monitor", "kill the shadow")
AT_REST = ("kill the emulator", "reshard")
LENGTHS_SECONDS = {
    "pause the store": (1.0, 8.0),
    "disk full under the outbox": (1.0, 4.0),
    "throttled": (1.0, 5.0),
    "partial puts": (1.0, 5.0),
    "expired iterators": (1.0, 3.0),
    "responses lost on the way": (1.0, 3.0),
    "clock jump": (2.0, 4.0),
}


@dataclass(frozen=True)
class Fault:
    """One thing to break: when in its round, for how long (0 for a blow), and a number that it may draw from."""

    kind: str
    at_seconds: float
    length_seconds: float
    seed: int


@dataclass(frozen=True)
class Round:
    """Faults by their time, and those for the rest after them."""

    seconds: float
    faults: tuple[Fault, ...]
    at_rest: tuple[Fault, ...]


def schedule(seed: int, minutes: float) -> tuple[Round, ...]:
    """As many rounds as fit, with their rests; the longest pause of the store is in the middle one."""
    draw = Random(seed)
    count = max(round(60 * minutes / (ROUND_SECONDS + REST_SECONDS)), 1)
    return tuple(_round(draw, number, is_middle=count > 1 and number == count // 2) for number in range(count))


def smoke(seed: int, seconds: float) -> tuple[Round, ...]:
    """One short round with every kind, but for those that take long."""
    draw = Random(seed)
    return (Round(seconds, _drawn(draw, ONCE, seconds), tuple(_at_rest(draw))),)


def _round(draw: Random, number: int, *, is_middle: bool) -> Round:
    mix = MIX | {IN_TURN[number % len(IN_TURN)]: 1}
    faults = _drawn(draw, mix, ROUND_SECONDS)
    if is_middle:
        long_one = Fault("pause the store", 0.0, LONG_PAUSE_SECONDS, draw.randrange(2**32))
        faults = (long_one, *(fault for fault in faults if not fault.kind.endswith("the store")))
    return Round(ROUND_SECONDS, faults, tuple(_at_rest(draw)))


def _drawn(draw: Random, mix: dict[str, int], seconds: float) -> tuple[Fault, ...]:
    faults = [_fault(draw, kind, draw.uniform(0, 0.9 * seconds)) for kind, times in mix.items() for _ in range(times)]
    return tuple(sorted(faults, key=lambda fault: fault.at_seconds))


def _at_rest(draw: Random) -> list[Fault]:
    return [_fault(draw, kind, 0.0) for kind in AT_REST]


def _fault(draw: Random, kind: str, at_seconds: float) -> Fault:
    low, high = LENGTHS_SECONDS.get(kind, (0.0, 0.0))
    return Fault(kind, at_seconds, draw.uniform(low, high), draw.randrange(2**32))
