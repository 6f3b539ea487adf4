"""The commands on the pages: which there are, and which test runs each of them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from embedded.layout import PROJECT

PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
PROGRAMS = {
    *(
        "make",
        "curl",
        "docker",
        "aws",
        "awslocal",
        "sh",
        "dvc",
        "git",
        "kubectl",
        "gcloud",
        "heroku",
        "uv",
        "python",
        "python3",
    ),
    *("mlflow", "pytest", "dask", "apt-get", "pip", "promtool", "psql", "openssl", "nginx"),
}

# A command, the test that runs it or what its target calls, and words of that test which show it.
RUN_BY = {
    "make setup": ("tests/bare-machine.sh", 'here "make setup"'),
    "make run": ("tests/bare-machine.sh", "make run 2>&1"),
    "make status": ("tests/bare-machine.sh", "make status"),
    "make stop": ("tests/bare-machine.sh", "make stop"),
    "make setup_tests": ("tests/bare-machine.sh", 'here "make setup_tests"'),
    "make test": ("tests/bare-machine.sh", 'alone "make test"'),
    "apt-get install": ("tests/bare-machine.sh", "apt-get install .*"),
    "make test-bare": (".github/workflows/ci.yml", "tests/bare-machine.sh"),
    "make test-stack": (".github/workflows/stack.yml", "make test-stack"),
    "make setup-model-registry": ("tests/stack/test_walk.py", 'copied("make setup-model-registry'),
    "make init_aws": ("tests/stack/test_walk.py", 'copied("make init_aws'),
    "make apply-model-train-flow": ("tests/stack/test_walk.py", 'copied("make apply-model-train-flow'),
    "make setup-model-serve": ("tests/stack/test_walk.py", 'copied("make setup-model-serve'),
    "make apply-prediction-reporting": ("tests/stack/test_walk.py", 'copied("make apply-prediction-reporting'),
    "make report": ("tests/journeys/test_the_whole_loop.py", 'command("report"'),
    "make deploy": ("tests/stack/test_walk.py", 'copied("make deploy'),
    "make rollback": ("tests/stack/test_walk.py", 'copied("make rollback'),
    "make stop-serve": ("tests/stack/test_walk.py", 'copied("make stop-serve'),
    "make reset_all": ("tests/stack/test_walk.py", 'copied("make reset_all'),
    "make images": ("tests/stack/test_walk.py", "docker_command"),
    "make image": ("tests/stack/test_model_image.py", "make image"),
    "make renew-tls": ("tests/stack/test_with_credentials.py", 'make("renew-tls")'),
    "make start-serve": ("tests/journeys/test_the_whole_loop.py", 'command("start-serve"'),
    "make train": ("tests/journeys/promotion/test_under_load.py", 'command("train"'),
    "make promote": ("tests/journeys/promotion/test_under_load.py", 'command("promote"'),
    "make ledger": ("tests/journeys/promotion/test_under_load.py", 'command("ledger"'),
    "make verify-model": ("tests/journeys/training/test_verification.py", "measurement.__main__ import main"),
    "make live": ("tests/journeys/promotion/test_under_load.py", 'command("live"'),
    "make replay": ("tests/journeys/promotion/test_under_load.py", 'command("replay"'),
    "make contract": ("tests/journeys/training/test_own_table.py", 'command_of("contract"'),
    "make profile": ("tests/journeys/training/test_own_table.py", 'command_of("profile"'),
    "make labels": ("tests/journeys/monitoring/test_reports.py", '"reporting.labels"'),
    "python -m simulation_business.query": ("tests/server/running/test_query.py", '"simulation_business.query"'),
    "make score": ("tests/journeys/files/test_killed_runs.py", '"server.files"'),
    "make harvest": ("tests/journeys/harvest/test_harvest.py", "harvest.__main__ import main"),
    "make data-versions": ("tests/journeys/training/test_dvc.py", 'version_commands.main(["list"]'),
    "make data-checkout": ("tests/unit/model_orchestration/data/test_versions.py", '"checkout"'),
    "make drill": ("tests/journeys/drill/test_drill.py", '"embedded.drill"'),
    "make retention": ("tests/journeys/retention/test_retention.py", "model_orchestration.retention"),
    "make logs": ("tests/unit/logs/test_reading.py", "log_files."),
    "make attacks": ("tests/server/attacks/test_measure.py", "catalog"),
    "make docs-site": ("tests/pages/test_docs_site.py", '"mkdocs", "build", "--strict"'),
    "python": ("tests/journeys/training/test_own_table.py", "lines.index("),
    "curl": ("tests/server/responses/test_documented_requests.py", "9696"),
    "docker exec": ("tests/stack/test_walk.py", 'copied("docker exec'),
    "dvc": ("tests/journeys/training/test_dvc.py", 'run("dvc", "repro")'),
    "git": ("tests/journeys/training/test_dvc.py", 'run("git"'),
    "dask": ("tests/journeys/conftest.py", '"scheduler"'),
    "python3 deploy/release_notes.py": ("tests/repo/test_release_notes.py", "deploy/release_notes.py"),
}


def commands(page: Path) -> list[str]:
    """The commands in a page's code, each whole, as it is copied into a shell."""
    found: list[str] = []
    pending = ""
    for line in _code(page.read_text()):
        if pending or _begins(line):
            pending += line if pending else line.lstrip()
            if _is_open(pending):
                pending += "\n"
            else:
                found.append(pending)
                pending = ""
    return found


def name(command: str) -> str:
    """What the command runs, as `RUN_BY` names it."""
    words = _without_environment(command)
    program = words[0].rpartition("/")[2]
    if program in {"python", "python3"} and words[1] == "-m":
        return f"python -m {words[2]}"
    if program in {"make", "apt-get", "docker", "python3", "sh"}:
        # The folder of `make -C` is no target.
        targets = [word for word in words[1:] if not (word.startswith("-") or (program == "make" and "/" in word))]
        return f"{program} {targets[0]}"
    return program


def not_run(page: Path) -> str:
    """What the page says of commands that no test runs."""
    return " ".join(re.findall(r"^Not run by a test: .*?(?:\n\n|\Z)", page.read_text(), re.MULTILINE | re.DOTALL))


def _code(text: str) -> list[str]:
    lines, fenced = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            lines.append(line if fenced else line[4:])
    return lines


def _is_open(text: str) -> bool:
    """True if a quotation, the line, or what is read up to a word goes on in the next line."""
    if heredoc := re.search(r"<<'(\w+)'\n?", text):
        return not text.endswith(f"\n{heredoc[1]}")
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return text.endswith("\\")


def _begins(line: str) -> bool:
    words = _without_environment(line)
    return bool(words) and words[0].rpartition("/")[2] in PROGRAMS


def _without_environment(command: str) -> list[str]:
    return re.sub(r"^\s*((sudo|[A-Z_]+=\S*)\s+)+", "", command).split()
