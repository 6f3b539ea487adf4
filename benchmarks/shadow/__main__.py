"""The shadow: how often its decision errs in a year of looks, how many labels a gain takes, and how fast it scores.

    python -m benchmarks.shadow [--years 1000] [--labels-a-day 100] [--predictions 30000] [--only decision|speed]

Decision: simulated years of two models whose true difference is known. Speed: predictions in the embedded store, scored
by one model in the shadow with the service's own code, one thread on one core.
"""

from __future__ import annotations

from benchmarks.harness.arguments import arguments
from benchmarks.harness.results import save
from benchmarks.shadow import decisions, speed

PARTS = ("decision", "speed")


def main() -> None:
    """Measure, print the tables, leave the result."""
    given = arguments({"only": PARTS}, years=1_000, labels_a_day=100, predictions=30_000, only=PARTS)
    found = decisions.tables(given.years, given.labels_a_day) if "decision" in given.only else []
    found += speed.tables(given.predictions) if "speed" in given.only else []
    save("shadow", *found)


if __name__ == "__main__":
    main()
