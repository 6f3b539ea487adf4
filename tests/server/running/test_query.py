"""One question to a running API, by a copy of the script alone, in Python without any package."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from embedded.layout import PROJECT


@pytest.fixture(scope="module")
def api(run_api):
    with run_api(API_WORKERS="1") as running:
        yield running


@pytest.fixture
def query(tmp_path):
    """Runs a copy of the script in another folder; isolated (-I), so that neither project nor packages are found."""
    shutil.copy(PROJECT / "simulation_business" / "query.py", tmp_path)

    def run(*arguments, stdin=""):
        command = [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "query.py", *arguments]
        return subprocess.run(command, cwd=tmp_path, input=stdin, capture_output=True, text=True, check=False)

    return run


def test_it_prints_the_prediction_of_the_example_and_of_a_row(api, query, contract):
    url = f"http://127.0.0.1:{api.port}"
    done = query("--url", url)
    assert (done.returncode, done.stderr) == (0, "")
    expected = api.predict(contract.example)[1]["churn chance"]
    assert json.loads(done.stdout)["churn chance"] == expected
    row = json.dumps(contract.example | {"customer_age": 30})
    response = json.loads(query("--url", f"{url}/", "--json", row, "--explain").stdout)
    assert response["churn chance"] == api.predict(json.loads(row))[1]["churn chance"]
    assert response["contributions"]
    named = query("--url", url, "--table", contract.table.name)
    assert json.loads(named.stdout)["churn chance"] == expected


def test_the_command_of_the_page_prints_the_same(api, contract):
    command = [sys.executable, "-m", "simulation_business.query", "--url", f"http://127.0.0.1:{api.port}"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["churn chance"] == api.predict(contract.example)[1]["churn chance"]


def test_it_says_what_is_wrong_in_the_words_of_the_api(api, query, contract):
    url = f"http://127.0.0.1:{api.port}"
    row = json.dumps(contract.example | {"customer_age": 500})
    done = query("--url", url, "--json", row)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        "customer_age: is out of the plausible range (allowed: a whole number from 18 to 120, or null)" in done.stderr
    )
    done = query("--url", url, "--table", "nowhere")
    assert "there is no table 'nowhere' here" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url", "127.0.0.1"], "is not an address"),
        (["--url", "file:///etc/passwd"], "is not an address"),
        (["--url", "http://127.0.0.1:1"], "does not respond"),
        (["--json", "{oh"], "--json is not JSON"),
        (["--key-file", "nowhere"], "--key-file cannot be read"),
    ],
)
def test_it_ends_with_one_sentence_where_it_cannot_ask(query, arguments, said):
    done = query(*arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_key_comes_from_a_file_or_from_standard_input(run_api, query, tmp_path):
    (tmp_path / "key").write_text("s3cret\n")
    with run_api(API_WORKERS="1", API_KEY="s3cret") as locked:
        url = f"http://127.0.0.1:{locked.port}"
        assert "the API key is missing or wrong" in query("--url", url).stderr
        assert query("--url", url, "--key-file", "key").returncode == 0
        assert query("--url", url, "--key-file", "-", stdin="s3cret\n").returncode == 0
