"""Old clean copies are deleted: a copy can be made again, so that only those are kept that are likely to be read."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from tabular.data.clean_copy.parts import CLEAN, INDEX, copies_of_this_code
from tabular.errors import Rejected
from tabular.ports.objects import Objects

log = logging.getLogger(__name__)


def remove_old_copies(objects: Objects, versions: str, written: str, read_by_runs: Sequence[str]) -> None:
    """Delete the copies of all versions under a prefix but the one just `written`, a folder, and those that runs read.

    `read_by_runs` are the prefixes of versions of which the copies that this code reads are kept. A run that reads
    another meanwhile goes on with the original. Raises Unavailable; a store that forbids deleting keeps everything.
    """
    kept = (written, *map(copies_of_this_code, read_by_runs))
    old = [key for key in objects.keys(versions) if f"/{CLEAN}" in key and not key.startswith(kept)]
    try:
        # The index first: a copy that is half deleted is absent, not damaged.
        for key in sorted(old, key=lambda key: not key.endswith(INDEX)):
            objects.delete(key)
    except Rejected as error:
        log.warning("old clean copies are kept, and take space: %s", error)
