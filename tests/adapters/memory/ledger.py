"""The port `Ledger` in memory, with a switch to be down."""

from __future__ import annotations

from tabular.errors import Unavailable


class MemoryLedger:
    """The entries by id."""

    def __init__(self) -> None:
        self.saved = {}
        self.is_down = False

    def append(self, entry):
        self._require_up()
        return self.saved.setdefault(entry.id, entry) is entry

    def entries(self, table=None, since=None, until=None, kinds=(), limit=1_000):
        self._require_up()
        found = [
            entry
            for entry in self.saved.values()
            if table in {None, entry.table}
            and (since is None or since <= entry.at)
            and (until is None or entry.at < until)
            and (not kinds or entry.kind in kinds)
        ]
        return sorted(found, key=lambda entry: entry.at, reverse=True)[: max(limit, 0)]

    def close(self):
        pass

    def _require_up(self):
        if self.is_down:
            raise Unavailable("the prediction store", "it is switched off")
