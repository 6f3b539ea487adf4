"""The contract of the churn table and its codec, for tests that need them before any fixture."""

from __future__ import annotations

from embedded.layout import PROJECT
from tabular.contract.loading import load_contract
from tabular.encoding.row import RowCodec

CONTRACT = load_contract(PROJECT / "contracts" / "credit_card_churn.toml")
CODEC = RowCodec(CONTRACT)
