"""BentoML: a service of two workers over the same scorer, without its access log and its tracing."""

import bentoml
from scorer import Scorer, record_type

Record = record_type()


@bentoml.service(workers=2, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class Churn:
    """The model."""

    def __init__(self) -> None:
        self.scorer = Scorer()

    @bentoml.api
    async def predict(self, record: Record) -> dict[str, float]:  # type: ignore[valid-type]
        """Score one record."""
        return {"score": self.scorer.score(record.__dict__)}
