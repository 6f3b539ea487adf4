"""A benchmark's command line, made of the defaults of its options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NO_FILE = Path()
"""The default of an option that takes a file and may be left out."""


def arguments(choices: dict[str, Sequence[str]] | None = None, **defaults: Any) -> argparse.Namespace:
    """The options of the main module, whose docstring is the help.

    The default says what an option takes: False is a switch, a tuple takes any number of values like its first one.
    """
    about = sys.modules["__main__"].__doc__
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        option = f"--{name.replace('_', '-')}"
        if default is False:
            parser.add_argument(option, action="store_true")
        elif isinstance(default, tuple):
            kind = type(default[0]) if default else str
            parser.add_argument(option, nargs="*", default=default, type=kind, choices=(choices or {}).get(name))
        else:
            parser.add_argument(option, default=default, type=type(default), choices=(choices or {}).get(name))
    return parser.parse_args()
