"""Plain FastAPI: pydantic checks the record, the model answers, nothing is written down."""

from fastapi import FastAPI
from scorer import Scorer, record_type

Record = record_type()
scorer = Scorer()
app = FastAPI()


@app.post("/predict")
async def predict(record: Record) -> dict[str, float]:  # type: ignore[valid-type]
    """Score one record."""
    return {"score": scorer.score(record.__dict__)}
