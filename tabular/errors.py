"""Everything that can go wrong, in one tree.

    TabularError
    ├── Rejected                 the input is wrong: never retry, say what to fix
    │   ├── InvalidContract      a contract file does not describe a table
    │   ├── InvalidRow           one record breaks the contract (its faults are named, the first 100 in full)
    │   ├── RecordTooLarge       one record is too large to be read
    │   ├── InvalidTable         a table breaks the contract (rows and columns are named)
    │   ├── InvalidSetting       an environment variable has an unusable value
    │   ├── BrokenBundle         a model bundle is damaged or does not score as it was recorded
    │   └── NotFound             a run, a version or an object that does not exist
    └── Unavailable              another service cannot respond now: retry after `retry_after_seconds`

The core and the adapters raise these; only an endpoint turns them into a status code or a dead letter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with one field: what was given and what is allowed.

    `given` is a JSON value (missing fields have none); `row` is the 1-based row of a table, where there is one.
    """

    field: str
    problem: str
    allowed: str
    given: object = None
    row: int | None = None

    def shortened(self, max_characters: int) -> Fault:
        """The same fault with at most the first characters of each of its texts: a contract may allow a megabyte."""
        name, problem, allowed = (_beginning(text, max_characters) for text in (self.field, self.problem, self.allowed))
        given = _beginning(self.given, max_characters) if isinstance(self.given, str) else self.given
        return Fault(name, problem, allowed, given, self.row)

    def __str__(self) -> str:
        where = f"row {self.row}, " if self.row is not None else ""
        return f"{where}{self.field}: {self.problem} (allowed: {self.allowed})"


def _beginning(text: str, max_characters: int) -> str:
    return text if len(text) <= max_characters else text[:max_characters] + "…"


_LOGIN = re.compile(r"(?<=://)[^/\s\"']*@")


def without_login(text: str) -> str:
    """A text in which no address has its user and password any more: errors are logged, and pages are linked."""
    return _LOGIN.sub("", text) if "://" in text else text


class TabularError(Exception):
    """The root of every error this project raises on purpose."""

    def detached(self) -> Self:
        """The same error without its traceback, cause and context: to be kept, it must not keep what it came from.

        A traceback holds its frames, and they hold the request: a list of rejected rows would hold every body.
        """
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)


class Rejected(TabularError):
    """The input cannot be used, now or later; `faults` names the parts to fix, and `more` counts those it leaves out.

    `summary` is the message, with the number of faults where some are left out.
    """

    def __init__(self, message: str, faults: Sequence[Fault] = (), more: int = 0) -> None:
        self.message = without_login(message)
        super().__init__(self.message)
        self.faults = tuple(faults)
        self.more = more

    @property
    def fault_count(self) -> int:
        """How many faults there are, listed or not."""
        return len(self.faults) + self.more

    @property
    def summary(self) -> str:
        """The message; where faults are left out, with their number."""
        if not self.more:
            return self.message
        return f"{self.message} ({self.fault_count} faults, of which the first {len(self.faults)} are shown)"

    @property
    def lines(self) -> list[str]:
        """The summary, and each fault in a line of its own below it."""
        return [self.summary, *(f"  {fault}" for fault in self.faults)]

    def __str__(self) -> str:
        return "; ".join([self.summary, *map(str, self.faults)])


class InvalidContract(Rejected):
    """A contract file does not describe a table."""


class InvalidRow(Rejected):
    """One record breaks its contract."""


class RecordTooLarge(Rejected):
    """One record is larger than any that is read."""


class InvalidTable(Rejected):
    """A table breaks its contract."""


class InvalidSetting(Rejected):
    """An environment variable has an unusable value."""


class BrokenBundle(Rejected):
    """A model bundle is damaged, or does not score its golden records as recorded."""


class NotFound(Rejected):
    """The thing asked for does not exist."""


class Unavailable(TabularError):
    """Another service cannot respond now; the same call may work after `retry_after_seconds`."""

    def __init__(self, service: str, why: str, retry_after_seconds: float = 1.0) -> None:
        super().__init__(f"{service} is not available: {without_login(why)}")
        self.service = service
        self.why = why
        self.retry_after_seconds = retry_after_seconds
