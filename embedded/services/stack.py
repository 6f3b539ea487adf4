"""Every process of the stack by name, in the order in which they may start."""

from __future__ import annotations

from collections.abc import Callable

from embedded.layout import Layout, find_executable
from embedded.services import apps, backends, front_page, prometheus
from embedded.services.service import Service
from tabular.errors import NotFound
from tabular.setting_groups.types import MAX_CONSUMERS
from tabular.settings import Settings

Maker = Callable[[Layout, Settings], Service]

REGISTRY: dict[str, Maker] = {
    "emulator": backends.emulator,
    "mlflow": backends.mlflow,
    "prefect": backends.prefect,
    "reports": apps.reports,
}
# Written for the reports' host; it says of the others whether they respond.
PAGES: dict[str, Maker] = {"front-page": front_page.service}
# The worker needs the work pool, which is created on a running Prefect server.
WORKER: dict[str, Maker] = {"worker": apps.worker}
STORE: dict[str, Maker] = {"store": lambda layout, _: backends.store(layout)}
SERVE: dict[str, Maker] = {
    "api": lambda layout, _: apps.api(layout),
    "consumer": lambda layout, _: apps.consumer(layout),
    "shadow": lambda layout, _: apps.shadow(layout),
    "monitor": apps.monitor,
    "prometheus": lambda layout, settings: prometheus.service(layout, settings.consumers, settings.api_key),
}
# In addition to the first; CONSUMERS says how many of them run.
MORE_CONSUMERS: dict[str, Maker] = {
    f"consumer-{number}": lambda layout, _, number=number: apps.consumer(layout, number)  # type: ignore[misc]
    for number in range(2, MAX_CONSUMERS + 1)
}
SIMULATORS: dict[str, Maker] = {
    "send-data-api": lambda layout, settings: apps.simulator(layout, "api", settings),
    "send-data-kinesis": lambda layout, settings: apps.simulator(layout, "kinesis", settings),
}
# What start-serve starts and stop-serve stops, for any number of consumers.
SERVING = {**SERVE, **MORE_CONSUMERS, **SIMULATORS}
STACK = {**REGISTRY, **STORE, **PAGES, **WORKER, **SERVING}
# Clients stop first, then servers, then backends, so that predictions are still stored and checkpoints still saved.
STOP_ORDER = ((*SIMULATORS, *PAGES), (*WORKER, *SERVE, *MORE_CONSUMERS), (*STORE, *REGISTRY))
OPTIONAL = {"prometheus": "live metrics are at the monitor's /metrics page, but nothing stores them or raises alerts"}


def service(name: str, layout: Layout, settings: Settings) -> Service:
    """The service of this name; raises NotFound."""
    if name not in STACK:
        raise NotFound(f"there is no process {name!r}; there are: {', '.join(STACK)}")
    return STACK[name](layout, settings)


def serving(settings: Settings) -> list[str]:
    """The processes that serve, with the number of consumers that the settings ask for."""
    return [*SERVE, *list(MORE_CONSUMERS)[: settings.consumers - 1]]


def left_out() -> dict[str, str]:
    """The optional processes whose program is not installed, and what is missing without each."""
    return {name: why for name, why in OPTIONAL.items() if find_executable(name) is None}
