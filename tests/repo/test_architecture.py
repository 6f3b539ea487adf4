"""The rules of the architecture, held against the code (docs/explanation/architecture.md)."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from embedded.layout import PROJECT
from tabular.contract.loading import load_contract

SERVICES = ("model_orchestration", "server", "simulation_business", "monitoring", "reporting")
PACKAGES = ("tabular", *SERVICES, "embedded")
MODULES = sorted(path for package in PACKAGES for path in (PROJECT / package).rglob("*.py"))
MAX_LINES, MAX_MEDIAN_LINES = 250, 100
MAX_MODULES_A_FOLDER = 13

HOMES = {
    "boto3": {"tabular/adapters/s3.py", "tabular/adapters/kinesis/streams.py"},
    "botocore": {"tabular/adapters/s3.py", "tabular/adapters/kinesis/streams.py", "tabular/adapters/aws.py"},
    "pymongo": {
        f"tabular/adapters/mongo/{name}.py"
        for name in (
            "business_keys",
            "connection",
            "label_documents",
            "labels",
            "leases",
            "ledger",
            "predictions",
            "retention",
            "shadow",
        )
    },
    "bson": {"tabular/adapters/mongo/connection.py"},
    "mlflow": {
        "tabular/adapters/mlflow/registry.py",
        "tabular/adapters/mlflow/artifacts.py",
        "tabular/adapters/mlflow/errors.py",
        "tabular/adapters/mlflow/named.py",
    },
    "evidently": {"tabular/quality/drift.py", "reporting/interactive/evidently_page.py"},
    "flask": {"server/api/pages.py"},
    "a2wsgi": {"server/api/pages.py"},
    "uvicorn": {
        "embedded/services/prefect_server.py",
        "server/connections/acceptor.py",
        "server/connections/arrivals.py",
        "server/connections/bounds.py",
        "server/connections/protocol.py",
    },
    "httptools": {"server/connections/arrivals.py"},
    "prefect": {
        "model_orchestration/flow.py",
        "model_orchestration/flows/step_runner.py",
        "model_orchestration/interrupted_runs.py",
        "model_orchestration/react/flow.py",
        "model_orchestration/retention/flow.py",
        "model_orchestration/deployments/schedules.py",
        "model_orchestration/progress.py",
        "reporting/flow.py",
        "server/files/flow.py",
        "embedded/services/prefect_server.py",
    },
    "ministack": {"embedded/emulators/server.py"},
    "bcrypt": {"embedded/services/prometheus.py"},
    "distributed": {
        "model_orchestration/search/on_dask/dask_trials.py",
        "model_orchestration/search/on_dask/dask_rows.py",
    },
    "dask": {"model_orchestration/search/on_dask/dask_trials.py", "model_orchestration/search/on_dask/dask_rows.py"},
    "hyperopt": {"model_orchestration/search/space.py", "model_orchestration/search/sweep.py"},
    "xgboost": {
        "tabular/model/xgboost.py",
        "model_orchestration/search/families/boosting.py",
        "model_orchestration/search/on_dask/dask_rows.py",
    },
    "lightgbm": {"tabular/model/lightgbm.py"},
    "supervisor": {"embedded/supervision/supervisor.py"},
    "rich": {"embedded/console.py", "model_orchestration/progress.py"},
}

SERVER_MAY_IMPORT = {
    "api": {"connections", "outbox", "scoring", "decoding"},
    "stream": {"scoring", "decoding"},
    "files": {"scoring"},
    "shadow": {"scoring"},
    "connections": set(),
    "outbox": set(),
    "scoring": set(),
    "decoding": set(),
}
"""The layers of `server`: what each folder may import of the others."""


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def roots(path: Path) -> set[str]:
    return {module.partition(".")[0] for module in imports(path)}


def module_of(path: Path) -> str:
    return name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports_between_modules() -> dict[str, set[str]]:
    """Which of our modules each of them imports, in functions and for type checks too."""
    modules = {module_of(path): path for path in MODULES}
    found = {}
    for module, path in modules.items():
        names = imports(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
        found[module] = names & modules.keys() - {module}
    return found


def test_no_module_takes_part_in_an_import_circle():
    left = imports_between_modules()
    # Whatever imports nothing that is left is in no circle: taken away again and again, only circles remain.
    while leaves := {module for module, names in left.items() if not names & left.keys()}:
        left = {module: names for module, names in left.items() if module not in leaves}
    assert not left


def test_tabular_imports_no_service():
    guilty = {
        name_of(path): sorted(roots(path) & {*SERVICES, "embedded"}) for path in MODULES if "tabular" in path.parts
    }
    assert not {name: found for name, found in guilty.items() if found}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_no_other_service(service):
    others = {*SERVICES, "embedded"} - {service}
    guilty = {name_of(path): sorted(roots(path) & others) for path in MODULES if service in path.parts}
    assert not {name: found for name, found in guilty.items() if found}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_asks_ports_and_names_no_adapter(service):
    paths = [path for path in MODULES if path.is_relative_to(PROJECT / service)]
    assert not {name_of(path) for path in paths if any(name.startswith("tabular.adapters") for name in imports(path))}


@pytest.mark.parametrize("folder", SERVER_MAY_IMPORT)
def test_the_layers_of_the_server_import_downwards(folder):
    allowed = SERVER_MAY_IMPORT[folder] | {folder}
    paths = list((PROJECT / "server" / folder).glob("*.py"))
    assert len(paths) > 1
    used = {(name_of(path), module.split(".")[1]) for path in paths for module in imports(path) if "server." in module}
    assert not {(name, layer) for name, layer in used if layer not in allowed}


@pytest.mark.parametrize("vendor", HOMES)
def test_a_vendor_is_imported_at_its_home_alone(vendor):
    guilty = {name_of(path) for path in MODULES if vendor in roots(path)} - HOMES[vendor]
    assert not guilty


def test_only_the_composition_root_makes_adapters():
    def uses_adapters(path: Path) -> bool:
        return any(module.startswith("tabular.adapters") for module in imports(path))

    guilty = {name_of(path) for path in MODULES if uses_adapters(path) and "adapters" not in path.parts}
    assert guilty == {"tabular/wiring.py"}


def test_only_the_settings_and_the_launcher_read_the_environment():
    def reads(path: Path) -> bool:
        names = [node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
        return "environ" in names or "getenv" in names

    guilty = {name_of(path) for path in MODULES if reads(path) and "embedded" not in path.parts}
    assert guilty <= {"tabular/settings.py"}


def test_no_column_is_named_in_code():
    columns = set()
    for path in (PROJECT / "contracts").glob("*.toml"):
        contract = load_contract(path)
        columns |= {feature.name for feature in contract.features} | {feature.column for feature in contract.features}
        columns |= {contract.target.column, *contract.target.classes, contract.reply.prediction_key}
    # One plain word can mean anything in code ("state", "yes"); a compound cannot.
    compounds = {column for column in columns if "_" in column or " " in column or column == "gender"}
    guilty = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in compounds:
                guilty.add((name_of(path), node.value))
    assert not guilty


def test_the_folder_mlflow_holds_no_python():
    assert not list((PROJECT / "mlflow").rglob("*.py"))


def test_the_real_mlflow_is_not_shadowed_from_the_project_folder():
    code = "import mlflow; print(mlflow.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "site-packages" in done.stdout


def test_importing_a_module_connects_and_writes_nothing():
    names = [name_of(path).removesuffix(".py").replace("/", ".") for path in MODULES if "conf" not in path.name]
    names = [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]
    code = f"""
import sys, importlib
def watch(event, arguments):
    if event == "socket.connect":
        raise RuntimeError(f"{{event}} {{arguments}}")
sys.addaudithook(watch)
for name in {names}:
    importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def loaded(code: str, libraries: list[str]) -> list[str]:
    """Which of the libraries a process has loaded after it ran the code."""
    code = f"{code}; import sys; print(*(name for name in {libraries} if name in sys.modules))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("module", ["server.api.app", "server.stream.consumer"])
def test_a_server_loads_no_training_library_not_even_with_a_model(module, bundle):
    heavy = ["xgboost", "pandas", "evidently", "prefect", "hyperopt", "sklearn", "matplotlib", "pyarrow"]
    assert loaded(f"import {module}", heavy) == []
    model = f"""
import {module}
from tabular.contract.loading import load_contract
from tabular.model.bundle import read_bundle
from tabular.settings import Settings
from tabular.wiring import Wiring
from pathlib import Path
Wiring(Settings(), load_contract(Path({str(PROJECT / "contracts/credit_card_churn.toml")!r}))).bundles()
read_bundle(Path({str(bundle.folder)!r})).verify()"""
    assert loaded(model, heavy) == ["xgboost"]


def test_the_process_that_relays_predictions_loads_no_model():
    assert loaded("import server.outbox.relay_process", ["xgboost", "scipy", "pandas", "boto3"]) == []


def test_a_reaction_that_decides_to_do_nothing_loads_no_training_library():
    heavy = ["xgboost", "lightgbm", "evidently", "hyperopt", "sklearn", "scipy", "matplotlib", "mlflow"]
    assert loaded("import model_orchestration.react.flow", heavy) == []


def test_every_folder_of_modules_is_a_package_that_git_knows():
    listed = subprocess.run(["git", "ls-files", *PACKAGES], cwd=PROJECT, capture_output=True, text=True, check=True)
    folders = {Path(name).parent for name in listed.stdout.splitlines() if name.endswith(".py")}
    assert not [folder for folder in folders if f"{folder}/__init__.py" not in listed.stdout.splitlines()]


def test_no_folder_has_more_modules_than_can_be_taken_in():
    counts = Counter(name_of(path.parent) for path in MODULES)
    assert not {folder: count for folder, count in counts.items() if count > MAX_MODULES_A_FOLDER}


def test_modules_are_small():
    lines = {name_of(path): len(path.read_text().splitlines()) for path in MODULES if path.name != "__init__.py"}
    assert not {name: count for name, count in lines.items() if count > MAX_LINES}
    assert statistics.median(lines.values()) <= MAX_MEDIAN_LINES
