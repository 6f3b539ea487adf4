"""Every command of a page can be given as it stands, and is run by a test, or the page says that none does."""

from __future__ import annotations

import re

import pytest

from embedded.environment import read_env_file
from embedded.layout import PROJECT
from tabular.settings import Settings
from tests.page_commands import PAGES, RUN_BY, commands, name, not_run

MAKEFILE = (PROJECT / "Makefile").read_text()
WITH_COMMANDS = [page for page in PAGES if commands(page)]


@pytest.fixture(params=WITH_COMMANDS, ids=lambda page: page.relative_to(PROJECT).as_posix())
def page(request):
    return request.param


def test_most_pages_on_how_to_do_something_have_commands():
    assert len(WITH_COMMANDS) > 15
    assert len([command for page in WITH_COMMANDS for command in commands(page)]) > 120


def test_every_command_of_a_page_is_run_by_a_test_or_said_not_to_be(page):
    said = not_run(page)
    unsaid = {name(command) for command in commands(page)} - RUN_BY.keys()
    assert not [one for one in unsaid if f"`{one}`" not in said], "name its test in tests/page_commands.py"
    assert not [one for one in re.findall(r"`([^`]+)`", said) if one not in unsaid], "it is run, or not on the page"


@pytest.mark.parametrize("command", RUN_BY)
def test_the_test_that_runs_a_command_is_there_and_does(command):
    file, words = RUN_BY[command]
    assert words in (PROJECT / file).read_text()
    assert command in {name(one) for page in WITH_COMMANDS for one in commands(page)}, "no page has it"


def test_a_make_command_gives_variables_that_there_are(page):
    settings = {name.upper() for name in Settings.__struct_fields__}
    known = settings | read_env_file(PROJECT / ".env.local").keys() | set(re.findall(r"\$\$?[({]?(\w+)", MAKEFILE))
    known |= set(re.findall(r"\$\{?(\w+)", "".join(one.read_text() for one in PROJECT.glob("containers/*.sh"))))
    for command in commands(page):
        if name(command).startswith("make "):
            given = re.findall(r"\s([A-Za-z_]+)=", command.partition("#")[0])
            tables = {f"RUN_ID_{word}" for word in ("IRIS", "TAXI_RIDES")}
            assert set(given) <= known | tables, command


def test_a_module_on_a_page_is_there_and_has_the_options(page):
    for command in re.findall(r"python -m ([a-z_.]+(?: --?[a-z_-]+(?: [A-Z_]+)?)*)", page.read_text()):
        module, *rest = command.split()
        path = PROJECT / module.replace(".", "/")
        ours = path.parts[len(PROJECT.parts)] in {one.name for one in PROJECT.iterdir()}
        source = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__main__.py"
        assert not ours or source.exists(), command
        package = "".join(one.read_text() for one in source.parent.glob("*.py")) if ours else ""
        options = {word for word in rest if word.startswith("--")} - {"--help"}
        assert not [option for option in options if ours and option not in package], command
