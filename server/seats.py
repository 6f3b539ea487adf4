"""How many clients each worker has, known to all of them, so that a new client goes to whoever has the fewest.

All workers listen on one socket, and a client goes to the first that asks for it. A worker that has just let one in is
awake and asks again: of four clients that came together all four could be one worker's, and the other's core idle.

The memory is made by the master (gunicorn.conf.py) and shared by the workers it forks: a number a seat, one more than
the worker there has clients, or zero where there is none.
"""

from __future__ import annotations


class Seat:
    """A worker's seat in the shared memory. That two may sit on one, after many have died, only makes it less fair."""

    def __init__(self, shared: memoryview, number: int) -> None:
        self._all = shared
        self._own = number % len(shared)

    def sit(self, clients: int) -> None:
        """Take clients: the worker has so many."""
        self._all[self._own] = clients + 1

    def rise(self) -> None:
        """Take no more part: the worker stops."""
        self._all[self._own] = 0

    @property
    def has_fewest(self) -> bool:
        """True if no other worker has fewer clients."""
        return self._all[self._own] <= min((taken for taken in self._all.tolist() if taken), default=0)
