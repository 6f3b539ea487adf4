"""`make image`: write the model of a run into a folder, from which an image with that model inside is built.

<folder>/model/<run id>/   the verified bundle
<folder>/contract.toml     the contract of its table
<folder>/labels            what the image says of itself, `key=value` a line
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from server.scoring.model import Model
from server.scoring.predictor import served_model
from tabular.model.bundle_files import BUNDLE_LIMITS
from tabular.process.commands import plainly, say
from tabular.process.private_files import keep_private
from tabular.wiring import wire

READABLE, ENTERABLE = 0o644, 0o755
"""In the image it is another user who reads them; a model is no secret there."""


def main(given: Sequence[str] | None = None) -> int:
    """Write the model of `--run-id`, or the champion; 0 if done, 1 if it must not be served, 3 if MLflow is down."""
    parser = argparse.ArgumentParser(prog="python -m server.scoring.export_model", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder of its own: what is in it is removed first")
    parser.add_argument("--run-id", default="", help="the MLflow run; the champion if it is not given")
    parser.add_argument("--table", default="", help="of several tables this one; the first if it is not given")
    arguments = parser.parse_args(given)
    keep_private()
    return plainly(
        lambda: _export(arguments.folder, arguments.table, arguments.run_id), "the model cannot be put into an image"
    )


def _export(folder: Path, table: str, run_id: str) -> int:
    wiring = wire().for_table(table)
    model = served_model(wiring, run_id)
    shutil.rmtree(folder, ignore_errors=True)
    bundle = folder / "model" / model.run_id
    bundle.mkdir(parents=True)
    for file in model.bundle.folder.iterdir():
        if file.name in BUNDLE_LIMITS.file_bytes:
            shutil.copyfile(file, bundle / file.name)
    shutil.copyfile(wiring.settings.contract, folder / "contract.toml")
    (folder / "labels").write_text("".join(f"{line}\n" for line in labels_of(model)))
    for path in (folder, *folder.rglob("*")):
        path.chmod(ENTERABLE if path.is_dir() else READABLE)
    say([f"run {model.run_id} of {model.table}, bundle {model.bundle.digest[:12]}: verified, and written to {folder}"])
    return 0


def labels_of(model: Model) -> list[str]:
    """What the image says of itself, as `key=value`."""
    return [
        f"org.opencontainers.image.title={model.table}",
        f"mlops.table={model.table}",
        f"mlops.run-id={model.run_id}",
        f"mlops.bundle={model.bundle.digest}",
        f"mlops.trained-on-synthetic-data={str(model.bundle.synthetic).lower()}",
    ]


if __name__ == "__main__":
    sys.exit(main())
