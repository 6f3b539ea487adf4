"""Several consumers in the embedded stack: which start, under which name and port, and that they are monitored."""

from __future__ import annotations

import yaml

from embedded.layout import Layout, Ports
from embedded.services import prometheus
from embedded.services.stack import STACK, service, serving
from tabular.settings import Settings


def test_as_many_consumers_serve_as_are_wanted_and_one_by_itself():
    assert [name for name in serving(Settings()) if "consumer" in name] == ["consumer"]
    wanted = [name for name in serving(Settings(consumers=3)) if "consumer" in name]
    assert wanted == ["consumer", "consumer-2", "consumer-3"]
    assert set(wanted) <= STACK.keys()


def test_each_has_a_name_and_a_port_of_its_own(tmp_path):
    layout = Layout(tmp_path, Ports(consumer_metrics=20_000))
    found = [service(name, layout, Settings()) for name in ("consumer", "consumer-2", "consumer-4")]
    assert [one.environ["CONSUMER_NAME"] for one in found] == ["consumer", "consumer-2", "consumer-4"]
    assert [one.port for one in found] == [20_000, 20_010, 20_030]
    assert [one.environ["CONSUMER_METRICS_PORT"] for one in found] == ["20000", "20010", "20030"]


def test_prometheus_asks_every_one_of_them(tmp_path):
    layout = Layout(tmp_path, Ports(consumer_metrics=20_000))

    def asked(consumers: int) -> list[str]:
        prometheus.service(layout, consumers)
        groups = yaml.safe_load((layout.folder("prometheus") / "targets.yml").read_text())
        return [target for group in groups if group["labels"] == {"job": "consumer"} for target in group["targets"]]

    assert asked(1) == ["127.0.0.1:20000"]
    assert asked(2) == ["127.0.0.1:20000", "127.0.0.1:20010"]
