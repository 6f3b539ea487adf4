"""A gunicorn worker's main loop in which nobody is waited for: neither a slow client nor the disk, request by request.

    turn    ask the system which connections can be read; while there are none, sleep
    cycle   read some of them; run the whole requests with small bodies one after the other, in this thread;
            commit all their predictions once; send all the answers

Everything else (batches, pages, health) goes to a pool of threads and comes back through a queue. A request is run when
it is all there, so that a slow client costs a buffer, which is bounded, and not a thread. Requests beyond what may wait
are sent away with 503 before they are parsed.

The cycle is what Redis does with `appendfsync always` (one write of the log before the answers of one turn of its event
loop, redis.io, "Redis persistence"). The loop stands where gunicorn's own workers have theirs (gunicorn 26.2,
workers/gthread.py); gunicorn's parser and response writer are used as they are. No TLS, no HTTP/2, no access log.
"""

from __future__ import annotations

import os
import selectors
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import Any

from server.answering import GO_AHEAD, answer, error_answer, refusal_answer
from server.clients import Clients
from server.connection import Connection, Doing
from server.group_commit import GroupCommit
from server.http_errors import Refusal
from tabular.errors import Unavailable

CYCLE_REQUESTS = 16  # a commit costs about as much as a request; the first of a cycle waits for the last
QUICK_BODY_BYTES = 16_384
MAX_HELD_BYTES = 128_000_000
LOOK_SECONDS, STOPPING_LOOK_SECONDS = 1.0, 0.1
SWITCH_SECONDS = 0.001  # a busy thread gives the interpreter back after this

TOO_MANY = refusal_answer(
    Refusal(503, "too many requests wait already", "overloaded", "Send it again later.", (), {"Retry-After": "1"})
)

Answered = tuple[Connection, bytes, bool]


class PollLoop:
    """The loop of one worker; `max_waiting` requests may wait in it, with bodies up to `max_body_bytes`."""

    def __init__(self, worker: Any, max_waiting: int, max_body_bytes: int) -> None:
        self._worker = worker
        self._max_waiting = max_waiting
        self._clients = Clients(worker, max_body_bytes)
        extensions = getattr(worker.wsgi, "extensions", {})
        self._group: GroupCommit | None = extensions.get("group_commit")
        self._count_shed = extensions.get("count_shed", lambda _requests: None)
        self._pool = ThreadPoolExecutor(worker.cfg.threads)
        self._in_pool = 0
        self._done: deque[Answered] = deque()
        self._look_at = 0.0

    def run(self) -> None:
        """Serve until the worker is told to stop, then answer what is there already."""
        sys.setswitchinterval(SWITCH_SECONDS)
        self._clients.poller.register(self._worker.PIPE[0], selectors.EVENT_READ)  # signals, and threads that are done
        self._worker.seat.sit(0)
        while self._worker.alive:
            self._clients.accept(yes=True)
            self._turn(self._clients.patience(LOOK_SECONDS))
        self._worker.seat.rise()
        self._clients.accept(yes=False)
        ends_at = monotonic() + self._worker.cfg.graceful_timeout
        while len(self._clients) and monotonic() < ends_at:
            self._look_at = 0.0
            self._turn(STOPPING_LOOK_SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _turn(self, seconds: float) -> None:
        clients = self._clients
        ready, clients.again = dict.fromkeys(clients.again), []
        for key, events in clients.poller.select(0 if ready else seconds):
            if isinstance(key.data, Connection):
                if events & selectors.EVENT_WRITE:
                    clients.send(key.data)
                else:
                    ready[key.data] = None
            elif key.data is None:
                os.read(key.fd, 4_096)
            else:
                clients.take_in(key.data)
        waiting = self._admitted(list(ready))
        for start in range(0, len(waiting), CYCLE_REQUESTS):
            self._cycle(waiting[start : start + CYCLE_REQUESTS])
        while self._done:
            self._in_pool -= 1
            connection, data, keeps = self._done.popleft()
            clients.resume(connection)
            clients.answered(connection, data, keeps=keeps)
        if (now := monotonic()) >= self._look_at:
            self._look(now)

    def _look(self, now: float) -> None:
        self._look_at = now + LOOK_SECONDS
        self._worker.notify()
        if self._worker.ppid != os.getppid():
            self._worker.log.info("the parent is gone, so this worker stops")
            self._worker.alive = False
        self._clients.look(now)

    def _admitted(self, ready: list[Connection]) -> Sequence[Connection]:
        """Those that may wait their turn; new requests beyond them are sent away, but for GET: health must be told."""
        if len(ready) <= self._max_waiting:
            return ready
        admitted, shed = ready[: self._max_waiting], 0
        for connection in ready[self._max_waiting :]:
            if connection.doing is not Doing.IDLE or len(connection.incoming):
                admitted.append(connection)
                continue
            data = connection.receive()
            if data is None or data.startswith(b"GET ") or not data:
                connection.incoming.feed(data) if data is not None else None
                admitted.append(connection)
            else:
                shed += 1
                self._clients.part(connection, TOO_MANY)
        self._count_shed(shed)
        return admitted

    def _cycle(self, connections: Sequence[Connection]) -> None:
        answers: list[Answered] = []
        grouped: list[int] = []
        for connection in connections:
            if self._is_quick(connection):
                had = len(self._group or ())
                answers.append((connection, *answer(self._worker, connection, self._group)))
                if len(self._group or ()) > had:
                    grouped.append(len(answers) - 1)
        if self._group is not None and grouped:
            self._commit(self._group, answers, grouped)
        for connection, data, keeps in answers:
            self._clients.answered(connection, data, keeps=keeps)

    def _commit(self, group: GroupCommit, answers: list[Answered], grouped: Sequence[int]) -> None:
        try:
            group.commit()
        except Exception as error:
            if not isinstance(error, Unavailable):
                self._worker.log.exception("the predictions of a cycle could not be written")
                error = Unavailable("the outbox", "it failed in an unforeseen way")
            group.fail(error)
            for at in grouped:
                answers[at] = (answers[at][0], *answer(self._worker, answers[at][0], group))
            group.fail(None)

    def _is_quick(self, connection: Connection) -> bool:
        """Read what there is; True if that completes a request for this thread. Others are seen to here."""
        clients, incoming = self._clients, connection.incoming
        if connection.doing is Doing.LEAVING:
            clients.discard(connection)
            return False
        if (data := connection.receive()) is not None:
            incoming.feed(data)
        try:
            is_whole = incoming.is_whole()
        except Exception as error:  # noqa: BLE001 - what gunicorn's parser refuses, gunicorn answers
            clients.part(connection, error_answer(self._worker, connection, error))
            return False
        if not is_whole:
            self._read_on(connection)
        elif incoming.request.method == "POST" and incoming.body_bytes() <= QUICK_BODY_BYTES:
            return True
        elif self._in_pool >= self._max_waiting and incoming.request.method != "GET":
            self._count_shed(1)
            clients.part(connection, TOO_MANY)
        else:
            self._in_pool += 1
            clients.pause(connection)
            self._pool.submit(self._in_thread, connection)
        return False

    def _read_on(self, connection: Connection) -> None:
        clients = self._clients
        if connection.incoming.ended:
            clients.drop(connection)
            return
        clients.read_on(connection)
        if clients.held_bytes > MAX_HELD_BYTES:
            self._count_shed(1)
            clients.part(connection, TOO_MANY)
        elif connection.incoming.wants_go_ahead():
            with suppress(OSError):  # gone: the next reading says so
                connection.send(GO_AHEAD)

    def _in_thread(self, connection: Connection) -> None:
        data, keeps = b"", False
        try:
            data, keeps = answer(self._worker, connection, None)
        finally:
            self._done.append((connection, data, keeps))
            with suppress(BlockingIOError):  # a full pipe wakes the loop as well
                os.write(self._worker.PIPE[1], b".")
