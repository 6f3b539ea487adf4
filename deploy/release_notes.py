"""What a release says: `python3 deploy/release_notes.py v1.2.0` prints the changelog's section of that version.

Exit code 1 with the reason if the tag is not the version in pyproject.toml, or if the changelog has no finished section
of it. It needs Python 3.11 and nothing else.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
DATED = re.compile(r"\d{4}-\d{2}-\d{2}")


def release_notes(tag: str, project: Path = PROJECT) -> str:
    """The text of the tag's section without its heading; raises ValueError if it must not be released so."""
    version = tomllib.loads((project / "pyproject.toml").read_text())["project"]["version"]
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, and the version in pyproject.toml is {version}: tag v{version}, or set it")
    heading, text = _section((project / "CHANGELOG.md").read_text(), version)
    date = heading.partition(" - ")[2]
    if not DATED.fullmatch(date):
        raise ValueError(f"the heading of {version} in CHANGELOG.md says {date!r} in the place of a date: {heading}")
    if not text:
        raise ValueError(f"the section of {version} in CHANGELOG.md is empty: say what changed")
    return text


def _section(changelog: str, version: str) -> tuple[str, str]:
    """The heading of a version, and what stands until the next."""
    for part in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        if heading.startswith(f"[{version}]"):
            return heading.strip(), text.strip()
    raise ValueError(f"CHANGELOG.md has no section ## [{version}] - date: write what changed")


def main(given: list[str]) -> int:
    """Print the notes of one tag; 1 with the reason if there are none, 2 without a tag."""
    if len(given) != 1:
        sys.stderr.write("Say which tag: python3 deploy/release_notes.py v1.2.0\n")
        return 2
    try:
        sys.stdout.write(f"{release_notes(given[0])}\n")
    except ValueError as error:
        sys.stderr.write(f"Not to be released: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
