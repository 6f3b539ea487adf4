"""One gauge of a page of metrics."""

from __future__ import annotations

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from embedded.services.loopback import open_loopback

TIMEOUT_SECONDS = 10.0


def gauge(port: int, name: str, **labels: str) -> float | None:
    """The value of the gauge with these labels, among others; None if the page has none. Raises OSError."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics")
    with open_loopback(request, TIMEOUT_SECONDS) as response:
        text = response.read().decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None
