"""Forms as a stranger sends them: large files of rows, fields and parts, and many at once; the key is in the body."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.server.attacks.attack import Attack, Found, Target
from tests.server.attacks.bodies import BODY_BYTES, RESPONSE_BYTES_SPARED, asked
from tests.server.wire import post

FORM = "application/x-www-form-urlencoded"
BOUNDARY = b"----of-an-attack"
AT_ONCE, TIMES = 8, 40
ROWS = 10_000
EXPECTED = {"200", "400", "401", "413", "422", "503"}
BROWSER = "Accept: text/html,*/*;q=0.8"


def attacks() -> list[Attack]:
    """The attacks of this module."""
    fields = b"&".join(b"row.%d=1" % number for number in range(40_000))[:490_000]
    parts = b"".join(_part(b"row.%d" % number, b"") for number in range(60_000))[:BODY_BYTES]
    no_rows = _file(b"a,b\n" + b"1,2\n" * 1_200_000)
    at_most = "response ≤ twice the body + 100 kB"
    return [
        Attack("form-fields", "490 kB of unknown fields", partial(sent, form=lambda _: (FORM, fields)), at_most),
        Attack("form-parts", "4.9 MB of parts", partial(sent, form=lambda _: (_kind(), parts)), at_most),
        Attack("form-cells", "a CSV of 1.2 million rows", partial(sent, form=lambda _: (_kind(), no_rows)), at_most),
        Attack("form-commas", "a CSV of 4.8 million cells", partial(sent, form=_commas), at_most),
        Attack("form-rows", f"a CSV of {ROWS:,} faulty rows", partial(sent, form=_faulty), at_most),
        Attack(
            "form-no-key",
            "the same without the key",
            partial(sent, form=_faulty),
            at_most,
            environ={"API_KEY": "k" * 32},
        ),
    ]


def sent(target: Target, scale: float, *, form: Callable[[Target], tuple[str, bytes]]) -> Found:
    """Many at once send the form, and read what comes back."""
    media, body = form(target)
    request = post(body, BROWSER, path="/", media=media)
    found, largest, bound = Found(), 0, 2 * len(body) + RESPONSE_BYTES_SPARED
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in target.times(max(1, round(TIMES * scale) // AT_ONCE)):
            for status, size in pool.map(lambda _: asked(target, request), range(AT_ONCE)):
                found.statuses[status] += 1
                largest = max(largest, size)
    found.figure = f"response {largest / 1e6:.2f} MB"
    found.check(holds=largest <= bound, fault=f"the response is larger than {bound / 1e6:.2f} MB")
    strange = found.statuses.keys() - EXPECTED - {"no response"}
    found.check(holds=not strange, fault=f"status {', '.join(sorted(strange))}")
    return found


def _kind() -> str:
    return f"multipart/form-data; boundary={BOUNDARY.decode()}"


def _part(name: bytes, value: bytes, file: bytes = b"") -> bytes:
    return b'--%b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (BOUNDARY, name, file, value)


def _file(rows: bytes) -> bytes:
    return _part(b"rows", rows, b'; filename="rows.csv"') + b"--%b--\r\n" % BOUNDARY


def _commas(target: Target) -> tuple[str, bytes]:
    header = ",".join(json.loads(target.example)).encode()
    return _kind(), _file(header + b"\n" + b"," * (BODY_BYTES - 1_000))


def _faulty(target: Target) -> tuple[str, bytes]:
    record = json.loads(target.example)
    line = ",".join("x" for _ in record).encode() + b"\n"
    return _kind(), _file(",".join(record).encode() + b"\n" + line * ROWS)
