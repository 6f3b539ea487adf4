"""Real servers for the tests, each started once a session on a free port."""

from __future__ import annotations

import copy
import fcntl
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from hypothesis import settings as hypothesis_settings

from benchmarks.harness.stack import free_layout
from embedded.layout import PROJECT, Layout
from embedded.services import backends
from embedded.services.service import Service, free_port
from model_orchestration.search.candidate import with_scores
from model_orchestration.search.families.fit import Fit
from model_orchestration.search.trial import SearchData, objective
from tabular.adapters.mongo.predictions import MongoPredictions
from tabular.contract.features import Feature
from tabular.contract.loading import contract_from_json, load_contract
from tabular.contract.training import Training
from tabular.contract.types import Contract
from tabular.encoding.dates import text_of
from tabular.encoding.row import Matrix, RowCodec, matrix
from tabular.model.bundle import REFERENCE_SCORE, REFERENCE_TARGET, Bundle, write_bundle
from tabular.model.scorer import Scorer
from tabular.model.xgboost import XGBoostScorer
from tabular.settings import Settings
from tabular.wiring import Wiring

# The same examples each time, so that a change fails for what it changed; make chaos draws new ones.
hypothesis_settings.register_profile("repeatable", derandomize=True)
hypothesis_settings.register_profile("random", derandomize=False)
hypothesis_settings.load_profile("repeatable")

# Servers that run already, such as the public images on GitHub, in the place of those that the tests start.
OUTSIDE = {name: os.environ.get(f"TEST_{name}", "") for name in ("MONGO_URI", "AWS_ENDPOINT", "MLFLOW_URI")}
DVC = "dvc==3.67.1"
REAL_TABLES = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A stack of its own for this test session: free ports, a temporary state folder."""
    return free_layout(tmp_path_factory.mktemp("state"))


def _run(service: Service, layout: Layout) -> Iterator[Service]:
    with service.running(layout.logs / f"{service.name}.log"):
        yield service


@pytest.fixture(scope="session", autouse=True)
def aws_credentials() -> Iterator[None]:
    """Credentials for the emulators; boto3 wants to have some."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in backends.AWS_ENVIRON.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        yield


@pytest.fixture(scope="session")
def ministack(layout: Layout) -> Iterator[Service]:
    yield from _run(backends.emulator(layout), layout)


@pytest.fixture(scope="session")
def moto(layout: Layout) -> Iterator[Service]:
    """Moto: a second emulator, in memory only."""
    port = free_port()
    command = (*backends.program("moto_server"), "-H", "127.0.0.1", "-p", str(port))
    service = Service(name="moto", command=command, port=port, ready_url=f"http://127.0.0.1:{port}/moto-api/data.json")
    yield from _run(service, layout)


@pytest.fixture(scope="module", params=["outside"] if OUTSIDE["AWS_ENDPOINT"] else ["ministack", "moto"])
def emulator_url(request: pytest.FixtureRequest) -> str:
    """S3 and Kinesis: each emulator in turn, or those whose address was given."""
    if request.param == "outside":
        return OUTSIDE["AWS_ENDPOINT"]
    service: Service = request.getfixturevalue(request.param)
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture(scope="session")
def aws_url(request: pytest.FixtureRequest) -> str:
    """S3 and Kinesis where one emulator is enough."""
    if OUTSIDE["AWS_ENDPOINT"]:
        return OUTSIDE["AWS_ENDPOINT"]
    service: Service = request.getfixturevalue("ministack")
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture(scope="session")
def store(layout: Layout) -> Iterator[Service]:
    yield from _outside("MONGO_URI", backends.store(layout), layout)


@pytest.fixture(scope="session")
def mlflow_server(layout: Layout) -> Iterator[Service]:
    yield from _outside("MLFLOW_URI", backends.mlflow(layout), layout)


def _outside(name: str, service: Service, layout: Layout) -> Iterator[Service]:
    """The service, started; or, where its address was given, what stands for the one that runs there."""
    if not OUTSIDE[name]:
        yield from _run(service, layout)
        return
    yield Service(name=service.name, command=(), port=urlsplit(OUTSIDE[name]).port)


@pytest.fixture(scope="session")
def prefect_server(layout: Layout) -> Iterator[Service]:
    yield from _run(backends.prefect(layout), layout)


@pytest.fixture(scope="session")
def settings(layout: Layout) -> Settings:
    """Settings that point every service at this session's servers."""
    ports = layout.ports
    return Settings(
        mlflow_tracking_uri=OUTSIDE["MLFLOW_URI"] or f"http://127.0.0.1:{ports.mlflow}",
        aws_endpoint_url=OUTSIDE["AWS_ENDPOINT"] or f"http://127.0.0.1:{ports.emulator}",
        mongo_uri=OUTSIDE["MONGO_URI"] or f"mongodb://127.0.0.1:{ports.store}",
        state_dir=layout.state,
        reports_dir=layout.reports,
        flow_cache_dir=layout.state / "flow-cache",
        api_port=ports.api,
        monitor_port=ports.monitor,
        consumer_metrics_port=ports.consumer_metrics,
    )


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load_contract(PROJECT / "contracts" / "credit_card_churn.toml")


@pytest.fixture(scope="session")
def real_tables() -> Path:
    """The folder of real tables; tests that need it are skipped where it is not there."""
    if not REAL_TABLES.exists():
        pytest.skip("the real tables are not on this machine")
    return REAL_TABLES


@pytest.fixture(scope="session")
def dvc_program() -> Path:
    """DVC in an environment of its own, .venv-dvc, as its packages and ours do not go together; installed once."""
    folder = PROJECT / ".venv-dvc"
    with (PROJECT / ".venv" / "dvc.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            uv = str(PROJECT / ".venv" / "bootstrap" / "bin" / "uv")
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
            subprocess.run([uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python"), DVC], check=True)
            (folder / "installed").touch()
    return folder / "bin" / "dvc"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium. Of one module only: while its driver runs, no other test of the process can run an event loop."""
    from tests.browser import open_browser  # most tests look at no page

    with open_browser() as running:
        yield running


def random_records(contract: Contract, rows: int, seed: int) -> list[dict[str, Any]]:
    """Request bodies drawn uniformly from what the contract allows: for plumbing, not for quality."""
    draw = np.random.default_rng(seed)

    def value(feature: Feature) -> Any:
        if feature.is_datetime:
            return text_of(int(draw.integers(2 * 10**15)), has_zone=feature.has_zone)
        if not feature.is_numeric:
            return str(draw.choice(feature.categories))
        low, high = feature.range
        return int(draw.integers(low, high)) if feature.kind == "integer" else float(draw.uniform(low, high))

    return [{feature.name: value(feature) for feature in contract.features} for _ in range(rows)]


def small_model(family: str, contract: Contract, rows: Matrix, target: Any, seed: int) -> Scorer:
    """A model of any family, fitted on the rows of a binary contract."""
    if family == "xgboost":
        params = {"objective": "binary:logistic", "nthread": 1, "seed": seed}
        return XGBoostScorer(xgb.train(params, xgb.DMatrix(rows, target), num_boost_round=20))
    is_number = tuple(column.is_numeric for column in contract.inputs)
    data = SearchData(rows, target, rows[:100], target[:100], is_number)
    proposal = {"family": family} | {name: low for name, (low, _) in Training().ranges(family).items()}
    fit = Fit(data, objective(contract), seed, Training(max_rounds=20, trees=20))
    return fit(0, proposal).scorer


@pytest.fixture(scope="session")
def make_bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Bundle]:
    """Makes a small real bundle of any binary contract and family; another seed is another model."""

    def make(
        contract: Contract,
        folder: Path | None = None,
        seed: int = 0,
        rows: int = 2_000,
        family: str = "xgboost",
        **told: bool,
    ) -> Bundle:
        codec = RowCodec(contract)
        records = random_records(contract, rows, seed)
        parsed = [codec.parse(record) for record in records]
        features = matrix(parsed)
        target = (features[:, -1] > np.median(features[:, -1])) ^ (np.random.default_rng(seed).random(rows) < 0.1)
        scorer = small_model(family, contract, features, target.astype(float), seed)
        codes = pd.DataFrame(features, columns=list(contract.input_names), dtype="float64")
        values = pd.DataFrame([row.values for row in parsed], columns=list(contract.feature_names))
        reference = codes.assign(**{name: values[name] for name in values if name in codes})
        reference[REFERENCE_TARGET] = target.astype(float)
        reference[REFERENCE_SCORE] = scorer.many(features)
        profile = {
            column.name: (float(np.nanmin(features[:, at])), float(np.nanmax(features[:, at])))
            for at, column in enumerate(contract.inputs)
            if column.is_numeric
        }
        folder = folder or tmp_path_factory.mktemp("bundle")
        return write_bundle(folder, contract, scorer, reference, profile, records[:20], {"auc": 0.9}, **told)

    return make


@pytest.fixture(scope="session")
def bundle(make_bundle: Callable[..., Bundle], contract: Contract) -> Bundle:
    """A small real bundle of the churn contract."""
    return make_bundle(contract)


@pytest.fixture(scope="session")
def with_reference(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Bundle, int], Bundle]:
    """The same model with the first rows of its reference alone."""

    def make(bundle: Bundle, rows: int) -> Bundle:
        records = [golden.record for golden in bundle.golden]
        parts = (bundle.contract, bundle.scorer, bundle.reference().head(rows), bundle.profile, records, bundle.metrics)
        return write_bundle(tmp_path_factory.mktemp("bundle"), *parts)

    return make


TINY = {
    "table": {"name": "tiny", "title": "Tiny", "task": "binary", "missing_tokens": ["?"]},
    "target": {"column": "Y", "classes": ["no", "yes"], "positive": "yes"},
    "reply": {"prediction_key": "chance"},
    "features": [
        {"name": "age in years", "column": "Age", "kind": "integer", "range": [0, 120]},
        {"name": "class", "column": "Class", "kind": "category", "categories": ["A", "B"]},
        {"name": "stars", "column": "Stars", "kind": "ordinal", "categories": ["1", "2", "3"]},
        {"name": "weight", "column": "Weight", "kind": "number", "range": [-1.5, 1.5]},
    ],
}
EXAMPLES = {"integer": 30, "category": "A", "ordinal": "2", "number": 0.5}
TARGETS = {
    "binary": TINY["target"],
    "multiclass": {"column": "Y", "classes": ["low", "mid", "high"], "synthetic": {"shares": [0.2, 0.5, 0.3]}},
    "regression": {"column": "Y", "synthetic": {"quantiles": [10, 20, 40, 100]}},
}


@pytest.fixture(scope="session")
def tiny_contract() -> Callable[..., Contract]:
    """Makes a contract of four features, one a kind, with awkward names; `change` may edit its decoded file first."""

    def make(task: str = "binary", change: Callable[[dict[str, Any]], None] | None = None) -> Contract:
        file = copy.deepcopy(TINY)
        file["table"]["task"] = task
        file["target"] = copy.deepcopy(TARGETS[task])
        for feature in file["features"]:
            feature |= {"description": "Made up.", "example": EXAMPLES[feature["kind"]]}
        if change is not None:
            change(file)
        return contract_from_json(msgspec.json.encode(file))

    return make


@pytest.fixture(scope="session")
def multiclass_bundle(tiny_contract, tmp_path_factory):
    """A small real model of three classes, with a reference of 900 rows."""
    contract = tiny_contract("multiclass", lambda file: file["table"].update(slice_features=["class"]))
    draw = np.random.default_rng(0)
    rows = 1_800
    columns = [draw.integers(0, 120, rows), draw.integers(0, 2, rows), draw.integers(0, 3, rows)]
    inputs = np.column_stack([*columns, draw.uniform(-1.5, 1.5, rows)]).astype(np.float32)
    target = np.digitize(inputs[:, 0] / 60 + inputs[:, 3] + draw.normal(0, 0.4, rows), [0.4, 1.6])
    params = {"objective": "multi:softprob", "num_class": 3, "nthread": 1, "max_depth": 3}
    scorer = XGBoostScorer(xgb.train(params, xgb.DMatrix(inputs[:900], target[:900]), num_boost_round=20))
    held_out = inputs[900:]
    frame = pd.DataFrame(held_out.astype(np.float64), columns=list(contract.input_names))
    for name in ("class", "stars"):
        (feature,) = (one for one in contract.features if one.name == name)
        frame[name] = [feature.categories[int(code)] for code in frame[name]]
    frame[REFERENCE_TARGET] = target[900:].astype(np.float64)
    reference = with_scores(contract, frame, scorer.many(held_out))
    return write_bundle(tmp_path_factory.mktemp("multiclass"), contract, scorer, reference, {}, [contract.example], {})


@pytest.fixture
def database() -> str:
    """The name of a database that is the test's own."""
    return f"test_{uuid.uuid4().hex}"


@pytest.fixture
def predictions(store: Service, settings: Settings, database: str) -> Iterator[MongoPredictions]:
    """The prediction store, in that database."""
    adapter = Wiring(msgspec.structs.replace(settings, mongo_database=database)).predictions()
    yield adapter
    adapter.close()
