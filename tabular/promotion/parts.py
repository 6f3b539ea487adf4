"""What a promotion is made with."""

from __future__ import annotations

from dataclasses import dataclass

from tabular.contract.types import Contract
from tabular.errors import NotFound
from tabular.ledger.entry import Evidence
from tabular.ports.ledger import Ledger
from tabular.ports.registry import CHAMPION, ModelRegistry
from tabular.wiring import Wiring


@dataclass(frozen=True)
class Parts:
    """The registry of one table, the ledger, and the contract under which the table is served now."""

    registry: ModelRegistry
    ledger: Ledger
    contract: Contract

    @property
    def table(self) -> str:
        """The table's name."""
        return self.contract.table.name

    def standing_on(self, alias: str = CHAMPION) -> str | None:
        """The run that an alias stands on, or None; raises Unavailable."""
        try:
            return self.registry.alias(alias)
        except NotFound:
            return None


@dataclass(frozen=True)
class Decision:
    """Who decided, why, and on which figures; raises ValueError without a reason, which no decision of code lacks."""

    who: str
    why: str
    evidence: Evidence

    def __post_init__(self) -> None:
        if not self.who.strip() or not self.why.strip():
            raise ValueError("a decision names who took it and why")


def parts_of(wiring: Wiring) -> Parts:
    """The parts of the wiring's table; raises InvalidContract or InvalidSetting."""
    return Parts(wiring.registry(), wiring.ledger(), wiring.contract)
