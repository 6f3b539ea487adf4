"""Every process of the stack by name, in the order in which they may start."""

from __future__ import annotations

from collections.abc import Callable

from embedded.layout import Layout, find_executable
from embedded.services import apps, backends, prometheus
from embedded.services.service import Service
from tabular.errors import NotFound
from tabular.setting_types import MAX_CONSUMERS
from tabular.settings import Settings

Maker = Callable[[Layout, Settings], Service]

REGISTRY: dict[str, Maker] = {
    "emulator": backends.emulator,
    "mlflow": backends.mlflow,
    "prefect": backends.prefect,
    "reports": apps.reports,
}
# The worker needs the work pool, which is made on a running Prefect server.
WORKER: dict[str, Maker] = {"worker": apps.worker}
STORE: dict[str, Maker] = {"store": lambda layout, _: backends.store(layout)}
SERVE: dict[str, Maker] = {
    "api": lambda layout, _: apps.api(layout),
    "consumer": lambda layout, _: apps.consumer(layout),
    "monitor": lambda layout, _: apps.monitor(layout),
    "prometheus": lambda layout, settings: prometheus.service(layout, settings.consumers, settings.api_key),
}
# Besides the first; how many of them run, CONSUMERS says.
MORE_CONSUMERS: dict[str, Maker] = {
    f"consumer-{number}": lambda layout, _, number=number: apps.consumer(layout, number)  # type: ignore[misc]
    for number in range(2, MAX_CONSUMERS + 1)
}
SIMULATORS: dict[str, Maker] = {
    "send-data-api": lambda layout, settings: apps.simulator(layout, "api", settings),
    "send-data-kinesis": lambda layout, settings: apps.simulator(layout, "kinesis", settings),
}
# What start-serve starts and stop-serve stops, however many consumers there are.
SERVING = {**SERVE, **MORE_CONSUMERS, **SIMULATORS}
STACK = {**REGISTRY, **STORE, **WORKER, **SERVING}
# Who sends ends before who answers, and he before what both stand on: an answer is still stored, a record still marked.
STOP_ORDER = (tuple(SIMULATORS), (*WORKER, *SERVE, *MORE_CONSUMERS), (*STORE, *REGISTRY))
OPTIONAL = {"prometheus": "live metrics are at the monitor's /metrics page, but nothing keeps or alerts on them"}


def service(name: str, layout: Layout, settings: Settings) -> Service:
    """The service of this name; raises NotFound."""
    if name not in STACK:
        raise NotFound(f"there is no process {name!r}; there are: {', '.join(STACK)}")
    return STACK[name](layout, settings)


def serving(settings: Settings) -> list[str]:
    """The processes that serve, with as many consumers as are wanted."""
    return [*SERVE, *list(MORE_CONSUMERS)[: settings.consumers - 1]]


def left_out() -> dict[str, str]:
    """The optional processes whose program is not installed, with what one misses."""
    return {name: why for name, why in OPTIONAL.items() if find_executable(name) is None}
