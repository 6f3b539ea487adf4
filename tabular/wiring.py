"""The composition root: the only place where settings become stores, streams, registries, caches and logging.

Nothing connects here, and each vendor is imported by the method that needs it: a worker of the API never loads boto3.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

from tabular.contract.loading import load_contract
from tabular.process.private_files import keep_private
from tabular.settings import Settings, load_settings

if TYPE_CHECKING:
    from tabular.adapters.kinesis.shards import KinesisShards
    from tabular.adapters.kinesis.streams import KinesisStream, StreamAdmin
    from tabular.adapters.mlflow.registry import MlflowRegistry
    from tabular.adapters.mongo.leases import MongoLeases
    from tabular.adapters.mongo.predictions import MongoPredictions
    from tabular.adapters.s3 import S3Objects
    from tabular.contract.types import Contract
    from tabular.model.bundle_cache import BundleCache


class Wiring:
    """The adapters that the settings describe. Each method makes a new one; whoever asks for it closes it."""

    def __init__(self, settings: Settings, contract: Contract | None = None) -> None:
        self.settings = settings
        self._contract = contract

    @cached_property
    def contract(self) -> Contract:
        """The contract that was given, or else the settings' file; raises InvalidContract."""
        return self._contract or load_contract(self.settings.contract)

    @property
    def model_name(self) -> str:
        """The registered model's name; raises InvalidContract if it is the table's and there is no contract."""
        return self.settings.model_name or self.contract.table.name

    def predictions(self) -> MongoPredictions:
        """The prediction store; raises InvalidSetting for an address that is none."""
        from tabular.adapters.mongo.predictions import MongoPredictions

        return MongoPredictions(self.settings.mongo_uri, self.settings.mongo_database)

    def leases(self) -> MongoLeases:
        """The leases that the table's consumers share, in the prediction store; raises InvalidContract."""
        from tabular.adapters.mongo.leases import MongoLeases

        return MongoLeases(self.settings.mongo_uri, self.settings.mongo_database, self.contract.table.name)

    def registry(self) -> MlflowRegistry:
        """The model registry; raises InvalidContract like `model_name`."""
        from tabular.adapters.mlflow.registry import MlflowRegistry

        return MlflowRegistry(self.settings.mlflow_tracking_uri, self.model_name)

    def bundles(self) -> BundleCache:
        """The local copies of bundles, over the registry; raises InvalidContract like `model_name`."""
        from tabular.model.bundle_cache import BundleCache
        from tabular.model.xgboost import import_without_scikit_learn

        import_without_scikit_learn()
        return BundleCache(self.registry(), self.settings.state_dir / "bundles")

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


def set_up_process() -> None:
    """What every process of ours does first: its files are its owner's alone, and its log lines have one form."""
    keep_private()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
