"""What one training is made of, and what it is made with."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from model_orchestration.code_digest import sweep_digest
from model_orchestration.search.engines import Engine
from tabular.contract.loading import contract_from_json
from tabular.contract.training import DEFAULT_FAMILIES, FAMILIES, Family
from tabular.contract.types import Contract
from tabular.data import feature_store
from tabular.errors import InvalidSetting
from tabular.model.lightgbm import import_lightgbm
from tabular.ports.ledger import Ledger
from tabular.ports.objects import Objects
from tabular.ports.registry import ModelRegistry
from tabular.setting_groups.promotion import PromotionMode
from tabular.settings import Settings, with_values
from tabular.wiring import Wiring

SYNTHETIC = "synthetic"
"""The tag, of runs and of model versions, that says whether the model learnt from synthetic data."""

_TAG_NAME = re.compile(r"[\w./-]{1,100}")

ROW_PARALLEL = ("xgboost", "forest")
"""The families whose fit a cluster can do together, each worker on its share of the rows."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a training's result depends on; the number of workers is part of it only if they share rows.

    `contract` is the contract's own text (JSON); `data_sha256` names the table's version;
    `code` is the digest of the code that a sweep runs on: a change of that makes no use of old trials;
    `families` are those of the models that the sweep chooses among;
    `row_shares` is how many workers the rows of each trial lie on, 0 if a trial has all rows to itself;
    `synthetic` says that the version is of synthetic data.
    """

    contract: str
    data_sha256: str
    seed: int
    trials: int
    time_budget_seconds: float
    code: str
    families: tuple[Family, ...] = DEFAULT_FAMILIES
    row_shares: int = 0
    synthetic: bool = False

    @property
    def about_data(self) -> tuple[str, ...]:
        """What the checks depend on."""
        return self.contract, self.data_sha256

    @property
    def about_split(self) -> tuple[str | int, ...]:
        """What the split depends on."""
        return *self.about_data, self.seed

    @property
    def tags(self) -> dict[str, Any]:
        """It as tags of a run."""
        contract = self.read_contract
        return {
            "table": contract.table.name,
            "contract": contract.digest,
            "data_sha256": self.data_sha256,
            "seed": self.seed,
            "trials": self.trials,
            "time_budget_seconds": self.time_budget_seconds,
            "code": self.code,
            "families": ",".join(self.families),
            "row_shares": self.row_shares,
            SYNTHETIC: self.synthetic,
        }

    @property
    def read_contract(self) -> Contract:
        """The contract."""
        return contract_from_json(self.contract.encode())


@dataclass(frozen=True)
class Tools:
    """The outside world of a training; `promotion` says who makes a model champion.

    `run_tags` are further tags of the runs that it writes, and of the model version.
    """

    objects: Objects
    registry: ModelRegistry
    engine: Engine
    ledger: Ledger
    promotion: PromotionMode = "shadow"
    run_tags: Mapping[str, str] = field(default_factory=dict, hash=False)  # kept tables go by the rest


def make_job(wiring: Wiring, data_sha256: str | None = None) -> Job:
    """The job of these settings, on the named version or the latest; raises NotFound, InvalidContract, Unavailable."""
    settings, contract, objects = wiring.settings, wiring.contract, wiring.objects()
    if data_sha256 is None:
        version = feature_store.latest(objects, contract)
    else:
        version = feature_store.find_version(objects, contract, data_sha256)
    return Job(
        contract=msgspec.json.encode(contract).decode(),
        data_sha256=version.sha256,
        seed=settings.seed,
        trials=settings.trials,
        time_budget_seconds=settings.time_budget_seconds,
        code=sweep_digest(),
        families=families_of(settings, contract),
        row_shares=make_engine(settings).row_shares,
        synthetic=version.synthetic,
    )


def families_of(settings: Settings, contract: Contract) -> tuple[Family, ...]:
    """The families that a sweep chooses among: the setting's, else the contract's; raises InvalidSetting."""
    named = tuple(name.strip() for name in settings.families.split(",") if name.strip())
    if unknown := [name for name in named if name not in FAMILIES]:
        raise InvalidSetting(f"FAMILIES={settings.families!r}: there is no {unknown[0]!r}, but {', '.join(FAMILIES)}")
    if len(set(named)) < len(named):
        raise InvalidSetting(f"FAMILIES={settings.families!r} names a family twice: name each once")
    chosen = tuple(family for family in FAMILIES if family in named) or contract.training.families or DEFAULT_FAMILIES
    if "lightgbm" in chosen:
        _require_lightgbm()
    if settings.sweep_parallelism == "rows" and (alone := [one for one in chosen if one not in ROW_PARALLEL]):
        raise InvalidSetting(
            f"SWEEP_PARALLELISM='rows' divides the rows of {' and '.join(ROW_PARALLEL)} only, and FAMILIES has "
            f"{alone[0]}: leave it out, or divide trials"
        )
    return chosen


def _require_lightgbm() -> None:
    """Raises InvalidSetting before anything is trained, where a trial would fail for want of the library."""
    try:
        import_lightgbm()
    except ImportError as error:
        raise InvalidSetting(f"the family lightgbm is among FAMILIES or training.families, and {error}") from error


def as_then(settings: Settings, job: Job) -> Settings:
    """These settings with the rows of a trial divided as in this job."""
    if not job.row_shares:
        return with_values(settings, sweep_parallelism="trials")
    return with_values(settings, sweep_parallelism="rows", sweep_engine="dask", sweep_workers=job.row_shares)


def make_tools(wiring: Wiring) -> Tools:
    """The adapters, the engine, PROMOTION and RUN_TAGS; raises InvalidSetting like `make_engine` and `tags_in`."""
    settings = wiring.settings
    tags = tags_in(settings.run_tags)
    return Tools(wiring.objects(), wiring.registry(), make_engine(settings), wiring.ledger(), settings.promotion, tags)


def tags_in(text: str) -> dict[str, str]:
    """The tags of RUN_TAGS, `developer=ann,team=risk`; raises InvalidSetting for what is none."""
    tags = {}
    for each in filter(None, map(str.strip, text.split(","))):
        name, equals, value = each.partition("=")
        if not equals or not _TAG_NAME.fullmatch(name.strip()):
            raise InvalidSetting(
                f"RUN_TAGS={text!r}: {each!r} is no tag. Write name=value, with commas between, such as "
                "developer=ann,team=risk; a name has letters, digits, _, -, . and /"
            )
        tags[name.strip()] = value.strip()
    return tags


def make_engine(settings: Settings) -> Engine:
    """As many workers as there are cores unless a number is set; raises InvalidSetting if rows cannot be divided so."""
    if settings.sweep_parallelism == "rows" and settings.sweep_engine != "dask":
        raise InvalidSetting(
            "SWEEP_PARALLELISM='rows' needs SWEEP_ENGINE=dask: `make train engine=dask parallelism=rows`"
        )
    if settings.sweep_parallelism == "rows" and settings.dask_scheduler and not settings.sweep_workers:
        raise InvalidSetting(
            "SWEEP_WORKERS is not set: with SWEEP_PARALLELISM='rows' say on how many workers of the cluster the rows "
            "are to lie, for the result depends on it"
        )
    workers = settings.sweep_workers or len(os.sched_getaffinity(0))
    return Engine(workers, settings.sweep_engine, settings.dask_scheduler, settings.sweep_parallelism)
