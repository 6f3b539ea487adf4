"""The indexes of the predictions, and what each is for. Every write pays for each of them.

- `table`, `made_at_us`: `latest` and `count_since` of a table, and `runs` where it reads a whole window (no service
  asks for those of all tables);
- `run_id`, `made_at_us`: `latest`, `sample_latest` and `sample_between` of a run whose window is read whole, and the
  runs of `about_others_between`;
- `level`, `made_at_us`: the same four and `runs` where they read a sample of a large window.

`save` and labels find documents by `_id`, those of a business key by business_keys.py; `count_by_source` reads all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Keys = list[tuple[str, int]]

NEWEST = ("made_at_us", -1)


def indexes(server: Mapping[str, Any]) -> list[Keys]:
    """The keys of each index that this server's queries use, by its answer to `buildInfo`.

    nx-27017 makes of an equality a condition that no index serves, and of `$in` too: it uses the first index alone, so
    that the others would only slow its writes (15 to 20 % of its CPU seconds a document). MongoDB names its storage
    engines, nx-27017 has none. No tie-break on `_id`: nx-27017 refuses every write to a collection with `_id` in a
    compound index.
    """
    first = ("table", "run_id", "level") if is_mongodb(server) else ()
    return [[(name, 1), NEWEST] for name in first] or [[NEWEST]]


def is_mongodb(server: Mapping[str, Any]) -> bool:
    """True for MongoDB, by its answer to `buildInfo`: it names its storage engines, nx-27017 has none."""
    return bool(server.get("storageEngines"))
