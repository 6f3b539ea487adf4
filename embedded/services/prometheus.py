"""Prometheus over every /metrics page of the stack, with the alert rules, behind a login.

It does not check `Host`, so that a page under a name of its own (DNS rebinding) could read its data. A password
prevents that: the browser does not send it for another name.
"""

from __future__ import annotations

import base64
import re
import shutil
from dataclasses import asdict
from pathlib import Path

from embedded.layout import PROJECT, Layout, executable, filled_in
from embedded.services.apps import consumer_port
from embedded.services.logins import NAME, prometheus_password
from embedded.services.service import Service
from tabular.process.private_files import write_private

_OURS = PROJECT / "monitoring" / "prometheus"
_ROUNDS = 10  # 50 ms of a core for each first login; the password is random, so more rounds add no security


def service(layout: Layout, consumers: int = 1, api_key: str = "") -> Service:
    """Prometheus, with its files rewritten; `api_key` is the key of the API's metrics, if any. Raises OSError."""
    folder, port = layout.folder("prometheus"), layout.ports.prometheus
    password = prometheus_password(layout)
    _write_targets(folder, layout, consumers)
    write_private(folder / "api_key", api_key)
    shutil.copyfile(_OURS / "alerts.yml", folder / "alerts.yml")
    write_private(folder / "prometheus.yml", (_OURS / "prometheus.yml").read_text() + _own_scrape(port, password))
    write_private(folder / "web.yml", f"basic_auth_users:\n  {NAME}: {_hashed(password)}\n")
    return Service(
        name="prometheus",
        command=(
            executable("prometheus"),
            # Relative, because it treats the paths of its files as patterns.
            "--config.file=prometheus.yml",
            "--web.config.file=web.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.cors.origin={re.escape(f'http://127.0.0.1:{port}')}",  # the default is any origin
            "--storage.tsdb.retention.time=15d",
        ),
        port=port,
        ready_url=f"http://127.0.0.1:{port}/-/ready",
        ready_headers=login_header(password),
        working_folder=folder,
    )


def login_header(password: str) -> dict[str, str]:
    """The header that carries the login."""
    return {"Authorization": f"Basic {base64.b64encode(f'{NAME}:{password}'.encode()).decode()}"}


def _write_targets(folder: Path, layout: Layout, consumers: int) -> None:
    ports = {f"{name.upper()}_PORT": str(port) for name, port in asdict(layout.ports).items()}
    targets = filled_in(_OURS / "targets" / "embedded.yml", ports)
    more = [f"127.0.0.1:{consumer_port(layout, number)}" for number in range(2, consumers + 1)]
    (folder / "targets.yml").write_text(f"{targets}- labels: {{ job: consumer }}\n  targets: {more}\n")


def _own_scrape(port: int, password: str) -> str:
    """A further entry of `scrape_configs`, the last section of the file."""
    return (
        "  - job_name: prometheus\n"
        f"    basic_auth: {{ username: {NAME}, password: {password} }}\n"
        "    static_configs:\n"
        f'      - targets: ["127.0.0.1:{port}"]\n'
    )


def _hashed(password: str) -> str:
    import bcrypt

    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_ROUNDS)).decode()
