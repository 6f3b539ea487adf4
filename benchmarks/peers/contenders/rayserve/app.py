"""Ray Serve: two replicas of the same scorer behind its HTTP proxy, without access log, dashboard and usage report."""

import signal
import sys

import ray
from ray import serve
from scorer import Scorer, record_type
from starlette.requests import Request


@serve.deployment(num_replicas=2, max_ongoing_requests=32, logging_config={"enable_access_log": False})
class Churn:
    """The model."""

    def __init__(self) -> None:
        self.scorer = Scorer()
        self.record = record_type()

    async def __call__(self, request: Request) -> dict[str, float]:
        """Score one record."""
        return {"score": self.scorer.score(self.record.model_validate_json(await request.body()).__dict__)}


def main(port: int, folder: str) -> None:
    """Serve until told to stop."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=folder)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Churn.bind(), route_prefix="/predict", logging_config={"enable_access_log": False})
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
