"""Failed checks: counted by what failed, and logged once for as long as they last."""

from __future__ import annotations

import logging
from collections import Counter

from tabular.errors import TabularError

log = logging.getLogger(__name__)

MAX_LOGGED = 8
"""Failures that are remembered as logged: those of every run that is monitored, and a few more."""


class Failures:
    """The failures of one table's checks, or of those of the store itself; `counts` are by what failed."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._logged: dict[str, str] = {}

    def note(self, reason: str, error: Exception, of: str = "") -> None:
        """Count a failure, and log it unless it is still the same one: a store down for hours is one line."""
        self.counts[reason] += 1
        what = f"the {reason}{f' of {of}' if of else ''}"
        if self._logged.get(what) != str(error):
            log.error("%s failed, still checking: %s", what, error, exc_info=not isinstance(error, TabularError))
        self._logged = {**dict(list(self._logged.items())[-MAX_LOGGED:]), what: str(error)}

    def forget(self) -> None:
        """Log the next failure whatever it is: everything went well meanwhile."""
        self._logged = {}
