"""One schedule a table: `python -m model_orchestration.deployments.schedules prefect`, with Prefect's command behind.

The first table is trained by the deployment `train` of `prefect.yaml`. Each further one gets `train-<name>`, and those
of tables that the stack no longer serves are removed, with the runs that were still to come: else they would go on
failing, or train what nobody serves.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from prefect.client.orchestration import get_client

from tabular.errors import TabularError
from tabular.process.private_files import keep_private
from tabular.wiring import wire

DEPLOY = Path(__file__).with_name("deploy-table.sh")
USER_LINE = "schedule "
"""How a line begins that is for the user; what Prefect's own command says is for its log."""
_AT_MOST = 200


def main() -> int:
    """Register and remove what is needed, and say what was removed; 1 if something stands in the way."""
    keep_private()
    try:
        first, *further = [wiring.contract.table.name for wiring in wire().for_tables()]
    except TabularError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for table in further:
        command = ["sh", str(DEPLOY), table, *sys.argv[1:]]
        code = subprocess.run(command, check=False).returncode  # noqa: S603 - the words are our own caller's
        if code != 0:
            return code
    for table in remove_unserved(further):
        why = "it is the first table now, which `train` trains" if table == first else "this stack no longer serves it"
        sys.stdout.write(f"{USER_LINE}train-{table} was removed: {why}\n")
    return 0


def remove_unserved(further: Sequence[str]) -> list[str]:
    """Delete the deployments of all other tables than these further ones; returns their tables.

    Another deployment of the training, with a name or parameters of somebody's own, is left alone. Raises what
    Prefect's client raises.
    """
    removed = []
    with get_client(sync_client=True) as client:
        for found in client.read_deployments(limit=_AT_MOST):
            table = found.parameters.get("table")
            if table and found.name == f"train-{table}" and table not in further:
                client.delete_deployment(found.id)
                removed.append(str(table))
    return sorted(removed)


if __name__ == "__main__":
    sys.exit(main())
