"""The composition root: the only place where settings become stores, streams, registries and caches.

Nothing connects here, and each vendor is imported by the method that needs it: a worker of the API never loads boto3.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tabular.contract.loading import load_contract
from tabular.errors import InvalidSetting
from tabular.settings import Settings, load_settings, with_values
from tabular.tables.contracts import load_contracts
from tabular.tables.pins import pinned_runs, variable_of

if TYPE_CHECKING:
    from tabular.adapters.kinesis.shards import KinesisShards
    from tabular.adapters.kinesis.streams import KinesisStream, StreamAdmin
    from tabular.adapters.mlflow.old_runs import MlflowOldRuns
    from tabular.adapters.mlflow.registry import MlflowRegistry
    from tabular.adapters.mongo.blocks import MongoBlocks
    from tabular.adapters.mongo.labels import MongoLabels
    from tabular.adapters.mongo.leases import MongoLeases
    from tabular.adapters.mongo.ledger import MongoLedger
    from tabular.adapters.mongo.predictions import MongoPredictions
    from tabular.adapters.mongo.retention import MongoRetention
    from tabular.adapters.mongo.shadow import MongoShadow
    from tabular.adapters.prefect import PrefectFlows
    from tabular.adapters.s3 import S3Objects
    from tabular.adapters.webhook import Webhook
    from tabular.contract.types import Contract
    from tabular.model.bundle_cache import BundleCache
    from tabular.ports.registry import BundleSource
    from tabular.predictions.block import Block
    from tabular.predictions.loss_block import LossBlock


class Wiring:
    """The adapters that the settings describe. Each method makes a new one; whoever asks for it closes it.

    It is that of one table, whose contract is given or the settings'; `tables` are those of the stack, by name.
    """

    def __init__(self, settings: Settings, contract: Contract | None = None, tables: tuple[str, ...] = ()) -> None:
        self.settings = settings
        self._contract = contract
        self._tables = tables

    @cached_property
    def contract(self) -> Contract:
        """The contract that was given, or else the settings' file; raises InvalidContract."""
        return self._contract or load_contract(self.settings.contract)

    @property
    def model_name(self) -> str:
        """The registered model's name; raises InvalidContract if it is the table's and there is no contract."""
        return ("" if self._is_further else self.settings.model_name) or self.contract.table.name

    def for_tables(self) -> list[Wiring]:
        """A wiring for each table of the stack, the first's first; raises InvalidContract or InvalidSetting.

        A further table has the registered model of its own name, and streams whose names end with its name.
        """
        settings = self.settings
        contracts = load_contracts(settings.tables) if settings.tables else {settings.contract: self.contract}
        names = tuple(contract.table.name for contract in contracts.values())
        further = with_values(settings, dataset_csv="")  # the file that is named is the first table's
        each = [settings, *[further] * (len(names) - 1)]
        return [
            Wiring(with_values(one, contract=file), contract, names)
            for one, (file, contract) in zip(each, contracts.items(), strict=True)
        ]

    @property
    def pinned_run(self) -> str:
        """The run that is pinned for the table, or nothing; raises InvalidSetting for pins that cannot be meant."""
        name, run_id = self.contract.table.name, "" if self._is_further else self.settings.run_id
        pinned = pinned_runs(self.settings.run_ids, self._tables or (name,)).get(name, run_id)
        if run_id and pinned != run_id:
            raise InvalidSetting(
                f"RUN_ID={run_id!r} and {variable_of(name)}={pinned!r} both pin a run of {name}, the first table: "
                "leave one of them out"
            )
        return pinned

    @property
    def _is_further(self) -> bool:
        return bool(self._tables) and self.contract.table.name != self._tables[0]

    def for_table(self, name: str) -> Wiring:
        """The wiring of one table of the stack, by its name or else by CONTRACT; raises InvalidSetting."""
        wirings, file = self.for_tables(), self.settings.contract
        if not name:
            found = next((one for one in wirings if one.settings.contract == file), None)
            if found is None:
                raise InvalidSetting(f"CONTRACT={str(file)!r} is none of TABLES={self.settings.tables!r}: add it there")
            return found
        by_name = {wiring.contract.table.name: wiring for wiring in wirings}
        if name not in by_name:
            raise InvalidSetting(
                f"this stack has no table {name!r}. Its tables are {', '.join(by_name)}: name one of them, or add it "
                "to TABLES"
            )
        return by_name[name]

    @property
    def path_prefix(self) -> str:
        """The path before `/predict` at the API: empty for the first table."""
        return f"/tables/{self.contract.table.name}" if self._is_further else ""

    def stream_name(self, name: str) -> str:
        """The name of one of the table's streams: that of the settings, of a further table with its name behind."""
        return f"{name}-{self.contract.table.name}" if self._is_further else name

    def predictions(self) -> MongoPredictions:
        """The prediction store; raises InvalidSetting for an address that is none."""
        from tabular.adapters.mongo.predictions import MongoPredictions

        return MongoPredictions(self.settings.mongo_uri, self.settings.mongo_database)

    def labels(self, window_days: Mapping[str, float] | None = None) -> MongoLabels:
        """The labels, of tables whose `label_window_days` are given or else of this one; raises like `predictions`."""
        from tabular.adapters.mongo.labels import MongoLabels

        table = None if window_days is not None else self.contract.table
        windows = window_days if table is None else {table.name: table.label_window_days}
        return MongoLabels(self.settings.mongo_uri, self.settings.mongo_database, windows or {})

    def blocks(self) -> MongoBlocks[Block]:
        """The blocks of predictions, in the prediction store; raises InvalidSetting for an address that is none."""
        from tabular.adapters.mongo.blocks import MongoBlocks
        from tabular.predictions.block import Block

        return MongoBlocks(self.settings.mongo_uri, self.settings.mongo_database, Block)

    def loss_blocks(self) -> MongoBlocks[LossBlock]:
        """The blocks of labelled predictions, in the prediction store; raises InvalidSetting like `blocks`."""
        from tabular.adapters.mongo.blocks import MongoBlocks
        from tabular.predictions.loss_block import LossBlock

        return MongoBlocks(self.settings.mongo_uri, self.settings.mongo_database, LossBlock)

    def shadow(self) -> MongoShadow:
        """The shadow's scores, in the prediction store; raises InvalidSetting for an address that is none."""
        from tabular.adapters.mongo.shadow import MongoShadow

        return MongoShadow(self.settings.mongo_uri, self.settings.mongo_database)

    def leases(self) -> MongoLeases:
        """The leases that the table's consumers share, in the prediction store; raises InvalidContract."""
        from tabular.adapters.mongo.leases import MongoLeases

        return MongoLeases(self.settings.mongo_uri, self.settings.mongo_database, self.contract.table.name)

    def retention(self) -> MongoRetention:
        """What deletes from the prediction store; raises InvalidSetting like `predictions`."""
        from tabular.adapters.mongo.retention import MongoRetention

        return MongoRetention(self.settings.mongo_uri, self.settings.mongo_database)

    def ledger(self) -> MongoLedger:
        """The ledger of decisions about models, in the prediction store; raises InvalidSetting like `predictions`."""
        from tabular.adapters.mongo.ledger import MongoLedger

        return MongoLedger(self.settings.mongo_uri, self.settings.mongo_database)

    def messenger(self) -> Webhook | None:
        """The webhook that news is posted to; None if none is set."""
        from tabular.adapters.webhook import Webhook

        settings = self.settings
        return Webhook(settings.alert_webhook_url, settings.alert_webhook_form) if settings.alert_webhook_url else None

    def flows(self) -> PrefectFlows | None:
        """Prefect, where an alarm starts a flow; None if the monitor has no address of it."""
        from tabular.adapters.prefect import PrefectFlows

        url, login = self.settings.monitor_prefect_url, self.settings.monitor_prefect_auth_string
        return PrefectFlows(url, login) if url else None

    def registry(self) -> MlflowRegistry:
        """The model registry; raises InvalidContract like `model_name`."""
        from tabular.adapters.mlflow.registry import MlflowRegistry

        return MlflowRegistry(self.settings.mlflow_tracking_uri, self.model_name)

    def old_runs(self) -> MlflowOldRuns:
        """What deletes runs of training from the registry; raises InvalidContract like `model_name`."""
        from tabular.adapters.mlflow.old_runs import MlflowOldRuns

        return MlflowOldRuns(self.settings.mlflow_tracking_uri, self.model_name)

    def bundles(self) -> BundleCache:
        """The local copies of bundles, over the registry; raises InvalidContract like `model_name`."""
        from tabular.model.bundle_cache import BundleCache
        from tabular.model.xgboost import import_without_scikit_learn

        import_without_scikit_learn()
        return BundleCache(self._bundle_source(), self.settings.state_dir / "bundles", self.contract.table.name)

    def _bundle_source(self) -> BundleSource:
        if not self.settings.model_dir:
            return self.registry()
        from tabular.adapters.bundle_folder import BundleFolder

        return BundleFolder(Path(self.settings.model_dir))

    def objects(self) -> S3Objects:
        """The bucket of the feature store."""
        from tabular.adapters.s3 import S3Objects

        return S3Objects(self.settings.s3_bucket, self.settings.aws_endpoint_url, self.settings.aws_region)

    def stream(self, name: str) -> KinesisStream:
        """A stream to put records on."""
        from tabular.adapters.kinesis.streams import KinesisStream

        return KinesisStream(name, self.settings.aws_endpoint_url, self.settings.aws_region)

    def shards(self, name: str) -> KinesisShards:
        """A stream to read, shard by shard."""
        from tabular.adapters.kinesis.shards import KinesisShards

        return KinesisShards(name, self.settings.aws_endpoint_url, self.settings.aws_region)

    def stream_admin(self) -> StreamAdmin:
        """What creates streams."""
        from tabular.adapters.kinesis.streams import StreamAdmin

        return StreamAdmin(self.settings.aws_endpoint_url, self.settings.aws_region)


def wire() -> Wiring:
    """The wiring of the environment's settings; raises InvalidSetting."""
    return Wiring(load_settings())
