"""What the page of a form shows: its fields, and of what was sent the result or what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.api.openapi import SYNTHETIC
from server.api.request import Request
from server.api.tables import ServedTable
from server.api.web.fields import Field, example_texts, fields_of, problem_of
from server.api.web.result import Result
from server.api.web.submitted import Submitted
from server.connections.errors import HttpError
from tabular.contract.types import Contract
from tabular.errors import Fault
from tabular.settings import Settings

MAX_FAULT_CHARACTERS = 500


@dataclass(frozen=True)
class FormView:
    """One page of one table; `sent` is empty if nothing was, `address` that of the table's `/predict`."""

    table: ServedTable
    contract: Contract
    run_id: str
    is_synthetic: bool
    needs_key: bool
    max_rows: int
    address: str
    sent: Submitted
    others: Sequence[ServedTable]

    @classmethod
    def of(
        cls, table: ServedTable, others: Sequence[ServedTable], settings: Settings, request: Request, sent: Submitted
    ) -> FormView:
        """The page for a request, of the model that serves; raises Unavailable if there is none."""
        model = table.predictor.model
        # A browser names its own scheme with what it posts; a proxy may speak TLS for this server.
        origin = request.header(b"origin") or f"http://{request.header(b'host') or 'localhost'}"
        return cls(
            table=table,
            contract=model.bundle.contract,
            run_id=model.run_id,
            is_synthetic=model.bundle.synthetic,
            needs_key=bool(settings.api_key),
            max_rows=settings.max_batch_rows,
            address=f"{origin}{table.prefix}/predict",
            sent=sent,
            others=others,
        )

    def empty(self) -> dict[str, Any]:
        """The form filled with the contract's example."""
        return self._values(fields_of(self.contract, example_texts(self.contract)))

    def served(self, result: Result, curl: str) -> dict[str, Any]:
        """The form as it was sent, and the prediction."""
        return self._values(fields_of(self.contract, self.sent.texts), result=result, curl=curl)

    def faulty(self, error: HttpError) -> dict[str, Any]:
        """The form as it was sent, and what is wrong with it: at each field, and above them what is at none."""
        faults = [fault.shortened(MAX_FAULT_CHARACTERS) for fault in error.faults]
        fields = fields_of(self.contract, self.sent.texts or example_texts(self.contract), faults)
        return self._values(fields, problem=error.message, elsewhere=_elsewhere(fields, faults))

    def wrong_key(self, why: str) -> dict[str, Any]:
        """The form as it was sent, and what is wrong with the key."""
        texts = self.sent.texts or example_texts(self.contract)
        return self._values(fields_of(self.contract, texts), key_problem=why)

    def _values(self, fields: list[Field], **shown: Any) -> dict[str, Any]:
        nothing: dict[str, Any] = {"result": None, "curl": "", "problem": "", "elsewhere": [], "key_problem": ""}
        return {
            "title": self.contract.table.title,
            "prefix": self.table.prefix,
            "others": self.others,
            "run_id": self.run_id,
            "warning": SYNTHETIC if self.is_synthetic else "",
            "needs_key": self.needs_key,
            "api_key": self.sent.api_key if self.needs_key and not shown.get("key_problem") else "",
            "max_rows": self.max_rows,
            "fields": fields,
            **nothing,
            **shown,
        }


def _elsewhere(fields: list[Field], faults: list[Fault]) -> list[str]:
    at_fields = {field.name for field in fields}
    return [_line(fault) for fault in faults if fault.row is not None or f"row.{fault.field}" not in at_fields]


def _line(fault: Fault) -> str:
    where = f"Row {fault.row}: " if fault.row is not None else ""
    return f"{where}{problem_of(fault)}"
