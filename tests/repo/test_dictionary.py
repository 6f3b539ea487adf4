"""Code and docs say things in the field's standard terms: the words on the left are not used for those on the right."""

from __future__ import annotations

import re
import subprocess

import pytest

from embedded.layout import PROJECT

INSTEAD_OF = {
    r"\bdoors?\b|Http[dD]oor": "endpoint, handler; a prediction's `source`",
    r"\bunseen\b": "unknown category",
    r"\bmade[- _]up\b": "synthetic",
    r"\bsights?\b|RunSight": "snapshot",
    r"\b(the|is|are) drain(s|ed|er)?\b|\bDrain\w*\b": "relay",
    r"\bfair[_ ]shares?\b": "membership",
    r"\brivals?\b|\bduels?\b": "champion, challenger, comparison",
    r"\bverdicts?\b": "gate result, finding",
    r"\bpens?\b": "writer",
    r"\brefusals?\b|\bRefusals?\b": "rejection",
    r"\bto the (last )?bit\b|\bsame bits\b": "bit-identical, bit for bit",
    r"\bmend(s|ed)?\b": "fix",
    r"\bkeeps? the contract\b": "is valid under the contract",
    r"what became true": "ground-truth label",
    r"api_max_waiting|API_MAX_WAITING": "api_max_queued_requests",
    r"\bpatient (door|reader)\b|\bfast door\b": "validating decoder, typed decoder",
}
FOLDERS = (
    "tabular", "server", "model_orchestration", "simulation_business", "monitoring", "reporting", "embedded",
    "containers", "contracts", "deploy", "benchmarks", "docs", "README.md", "CONTRIBUTING.md", "SECURITY.md",
    "Makefile", "docker-compose-model-registry.yml", "docker-compose-serve.yml", ".env.embedded", ".env.local",
    ".env.cloud",
)  # fmt: skip
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".json", ".html", ".css", ".c", ".conf", ""}


@pytest.fixture(scope="module")
def lines() -> list[tuple[str, str]]:
    """Every line of the product and its docs, with where it stands."""
    listed = subprocess.run(["git", "ls-files", *FOLDERS], cwd=PROJECT, capture_output=True, text=True, check=True)
    # What the benchmarks wrote down is a record of its day.
    records = ("docs/reference/benchmarks", "embedded/emulators/uv.lock")
    paths = [PROJECT / name for name in listed.stdout.splitlines() if not name.startswith(records)]
    return [
        (f"{path.relative_to(PROJECT)}:{at}", line)
        for path in paths
        if path.suffix in TEXT or path.name.startswith(".env")
        for at, line in enumerate(path.read_text().splitlines(), 1)
    ]


@pytest.mark.parametrize("word", INSTEAD_OF)
def test_a_word_of_our_own_is_not_used_where_the_field_has_one(lines, word):
    found = [f"{where}: {line.strip()[:120]}" for where, line in lines if re.search(word, line)]
    assert not found, f"say {INSTEAD_OF[word]!r}"
