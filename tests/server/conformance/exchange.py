"""One connection's whole conversation: bytes in, the responses, and whether the connection was kept afterwards."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from tests.server.wire import Answer, answer, connected, head, send

LIVE = b'"live"'
PROBE = head("GET", "/health/live")


@dataclass(frozen=True)
class Outcome:
    """The final responses in their order, the interim ones (100), and whether another request was served after them."""

    responses: list[Answer]
    interim: list[int]
    is_open: bool

    @property
    def statuses(self) -> list[int]:
        return [each.status for each in self.responses]


def exchange(port: int, *pieces: bytes, count: int = 1, half_close: bool = False, to_head: bool = False) -> Outcome:
    """Send the pieces, read so many responses, and request one page more: what comes then must be that page.

    A response to anything else, whether it comes instead or behind it, fails the test. With `half_close` the client
    stops sending after the pieces, and reads all there is.
    """
    answers: list[Answer] = []
    interim: list[int] = []
    with connected(port) as connection, connection.makefile("rb") as file:
        for piece in pieces:
            send(connection, piece)
        if half_close:
            _end(connection)
        while (half_close or len(answers) < count) and (given := answer(file, to_head=to_head)) is not None:
            if given.status < 200:
                interim.append(given.status)
            else:
                answers.append(given)
        if half_close or len(answers) < count or not send(connection, PROBE):
            return Outcome(answers, interim, is_open=False)
        _end(connection)
        following = answer(file)
        if following is None:
            return Outcome(answers, interim, is_open=False)
        assert following.status == 200, f"a response to nothing: {following}"
        assert LIVE in following.body, f"a response to nothing: {following}"
        assert answer(file) is None, "another response to nothing"
    return Outcome(answers, interim, is_open=True)


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:  # the server was faster
        return
