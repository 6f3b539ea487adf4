"""Merges and filters the logs of containers: `docker compose logs … | python -m tabular.logs --level warning`."""

from __future__ import annotations

import sys

from tabular.errors import InvalidSetting
from tabular.logs.arguments import asked
from tabular.logs.following import followed, from_compose, gathered


def main() -> int:
    """Show what is asked for of the lines on standard input; 1 for a word that cannot be meant."""
    try:
        wanted = asked(sys.argv[1:])
    except InvalidSetting as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sent = from_compose(sys.stdin)
    lines = followed(sent, wanted.selection) if wanted.follow else gathered(sent, wanted.selection, wanted.newest)
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
