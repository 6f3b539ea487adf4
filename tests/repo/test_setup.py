"""The set-up with other interpreters, the installer itself left out: which one it takes, what it writes where."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = "sys.modules['ensurepip'] = sys"
NO_ENVIRONMENTS = "sys.modules['ensurepip'] = None"
NO_LOCK = "import sysconfig; sysconfig.get_config_var = lambda name: 1"


@dataclass
class Machine:
    """A checkout with nothing installed, and the interpreters that its PATH leads to."""

    folder: Path

    @property
    def checkout(self) -> Path:
        return self.folder / "with a space"

    def have(self, name: str, minor: int, more: str = ENVIRONMENTS) -> Path:
        """An interpreter that says it is Python 3.minor."""
        path = self.folder / "bin" / name
        before = f"import sys; sys.version_info = (3, {minor}, 0); sys._base_executable = '{path}'; {more}"
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{before}\n$2"\n')
        path.chmod(0o755)
        return path

    def set_up(self, **environ: str) -> str:
        """What the set-up says, and with which environment it called the installer."""
        done = subprocess.run(
            ["/bin/sh", "embedded/setup.sh"],
            cwd=self.checkout,
            env={"PATH": f"{self.folder / 'bin'}", "HOME": str(self.folder / "home"), **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout + done.stderr


@pytest.fixture
def machine(tmp_path):
    found = Machine(tmp_path)
    for name in ("embedded/setup.sh", "pyproject.toml"):
        (found.checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, found.checkout / name)
    (tmp_path / "bin").mkdir()
    for name in ("sh", "sed", "seq", "dirname", "mkdir", "mktemp", "find", "rm", "env"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    uv = found.checkout / ".venv/bootstrap/bin/uv"
    uv.parent.mkdir(parents=True)
    uv.write_text('#!/bin/sh\necho "uv $*"; env\n')
    uv.chmod(0o755)
    return found


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_the_systems_python_will_do_if_it_is_3_11_to_3_13(machine, minor):
    machine.have("python3", minor)
    assert "--python python3 .venv" in machine.set_up()


@pytest.mark.parametrize("minor", [10, 14])
def test_where_it_is_another_one_of_those_is_looked_for(machine, minor):
    machine.have("python3", minor)
    machine.have("python3.12", 12)
    assert "--python python3.12 .venv" in machine.set_up()


def test_without_any_it_says_which_are_meant_and_how_to_name_one(machine):
    machine.have("python3", 9)
    said = machine.set_up()
    assert "Python 3.11 to 3.13 was not found (python3 is 3.9)" in said
    assert "apt-get install python3-venv" in said
    assert "PYTHON=/path/to/python3.13" in said
    assert "uv " not in said


def test_a_path_that_a_library_does_not_support_is_rejected_before_anything_is_installed(machine):
    machine.have("python3", 11)
    odd = machine.checkout.with_name("50% of it")
    machine.checkout.rename(odd)
    done = subprocess.run(["/bin/sh", "embedded/setup.sh"], cwd=odd, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "There is a % in the project's path" in done.stderr
    assert "uv " not in done.stdout


def test_a_build_without_the_interpreter_lock_is_passed_by(machine):
    machine.have("python3", 13, f"{ENVIRONMENTS}; {NO_LOCK}")
    machine.have("python3.11", 11)
    assert "--python python3.11 .venv" in machine.set_up()


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_it_asks_for_the_venv_package_of_the_interpreter_it_found(machine, minor):
    machine.have("python3", minor, NO_ENVIRONMENTS)
    said = machine.set_up()
    assert f"apt-get install python3.{minor}-venv" in said
    assert "uv " not in said


def test_an_interpreter_that_can_create_environments_is_taken_before_one_that_cannot(machine):
    machine.have("python3", 13, NO_ENVIRONMENTS)
    machine.have("python3.11", 11)
    assert "--python python3.11 .venv" in machine.set_up()


def test_an_interpreter_that_was_named_is_taken_or_rejected(machine):
    machine.have("python3", 11)
    named = machine.have("my python", 12)
    assert f"--python {named} .venv" in machine.set_up(PYTHON=str(named))
    named = machine.have("my python", 14)
    assert f"PYTHON={named} is not Python 3.11 to 3.13 (3.14)" in machine.set_up(PYTHON=str(named))
    assert "PYTHON=nothing is not Python 3.11 to 3.13 (it does not run)" in machine.set_up(PYTHON="nothing")


def test_the_interpreter_of_the_last_set_up_is_taken_again(machine):
    machine.have("python3", 11)
    named = machine.have("other", 12)
    (machine.checkout / ".venv/bin").mkdir()
    (machine.checkout / ".venv/bin/python").symlink_to(named)
    assert f"--python {named} .venv" in machine.set_up()


def test_the_packages_of_an_earlier_python_are_removed(machine):
    machine.have("python3", 13)
    folders = [machine.checkout / f".venv/lib/python3.{minor}" for minor in (11, 13)]
    for folder in folders:
        folder.mkdir(parents=True)
    machine.set_up()
    assert [folder.exists() for folder in folders] == [False, True]


def test_nothing_is_written_outside_the_project(machine):
    machine.have("python3", 11)
    said = machine.set_up()
    assert {"UV_NO_CACHE=1", "PIP_NO_CACHE_DIR=1"} <= set(said.splitlines())
    scratch = Path(re.search(r"^TMPDIR=(.+)$", said, re.MULTILINE)[1])
    assert scratch.is_relative_to(machine.checkout / ".venv")
    assert not scratch.exists()  # it goes when the set-up has ended


def test_who_names_a_cache_has_one(machine):
    machine.have("python3", 11)
    said = machine.set_up(UV_CACHE_DIR="/some/where", PIP_CACHE_DIR="/else/where").splitlines()
    assert "UV_CACHE_DIR=/some/where" in said
    assert not [line for line in said if "NO_CACHE" in line]


@pytest.mark.parametrize("name", ["UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL"])
def test_with_a_mirror_the_locked_packages_come_from_there_by_their_hashes(machine, name):
    machine.have("python3", 11)
    (machine.checkout / "embedded/emulators").mkdir()
    said = machine.set_up(**{name: "https://mirror.example/simple"})
    assert "uv sync" not in said
    assert said.count("uv export --quiet --frozen --no-emit-project") == 2
    assert said.count("uv pip install --quiet --require-hashes") == 2
    assert "--editable ." in said
    assert {
        "UV_DEFAULT_INDEX=https://mirror.example/simple",
        "PIP_INDEX_URL=https://mirror.example/simple",
    } <= set(said.splitlines())


def test_a_mirror_in_pips_own_file_counts_too(machine):
    machine.have(
        "python3", 11, f"{ENVIRONMENTS}; config = 1; print('global.index-url=\\'https://own.example/simple\\'')"
    )
    assert "UV_DEFAULT_INDEX=https://own.example/simple" in machine.set_up()


def test_without_a_mirror_they_come_from_where_the_lock_has_them(machine):
    machine.have("python3", 11)
    said = machine.set_up()
    assert said.count("uv sync --quiet --frozen") == 2
    assert "UV_DEFAULT_INDEX" not in said


def test_the_systems_own_certificates_are_trusted_and_who_says_otherwise_is_heard(machine):
    if not Path("/etc/ssl/certs/ca-certificates.crt").exists():
        pytest.skip("this system keeps them elsewhere")
    machine.have("python3", 11)
    assert {"UV_SYSTEM_CERTS=true", "PIP_CERT=/etc/ssl/certs/ca-certificates.crt"} <= set(machine.set_up().splitlines())
    assert "UV_SYSTEM_CERTS=false" in machine.set_up(UV_SYSTEM_CERTS="false").splitlines()


def test_who_is_not_root_is_told_every_package_that_the_tests_lack(tmp_path):
    for name, line in {"id": "echo 1000", "ldconfig": "true"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    for name in ("sh", "grep"):
        (tmp_path / name).symlink_to(shutil.which(name))
    line = ["/bin/sh", PROJECT / "tests/system-packages.sh"]
    done = subprocess.run(line, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    told = done.stderr.rpartition("sudo apt-get install --no-install-recommends ")[2].split()
    assert {"prometheus", "chromium", "curl", "wrk", "libatomic1"} <= set(told)  # Nginx is looked for in /usr/sbin too


def test_the_pages_name_the_same_packages_of_the_system():
    pages = [PROJECT / "README.md", PROJECT / "docs/tutorial.md"]
    lines = {line for page in pages for line in re.findall(r"^    sudo (apt-get install .*)$", page.read_text(), re.M)}
    assert len(lines) == 1


def test_every_allowed_python_is_tested():
    wanted = re.compile(r'requires-python = ">=3\.(\d+),<3\.(\d+)"')
    ours, emulators = (
        wanted.search((PROJECT / folder / "pyproject.toml").read_text()).groups()
        for folder in (".", "embedded/emulators")
    )
    assert ours == emulators
    job = yaml.safe_load((PROJECT / ".github/workflows/ci.yml").read_text())["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(*map(int, ours))]
