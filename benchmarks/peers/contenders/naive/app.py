"""The naive design: DictVectorizer, a DMatrix a request, then one insert and one POST to the monitoring service."""

import os
import pickle
from pathlib import Path

import requests
import xgboost as xgb
from flask import Flask, jsonify, request
from pymongo import MongoClient

FOLDER = Path(os.environ["BENCH_MODEL"]) / "vectorized"
MONITOR = os.environ["BENCH_MONITOR"]

vectorizer = pickle.loads((FOLDER / "vectorizer.pickle").read_bytes())
booster = xgb.Booster({"nthread": 1}, model_file=str(FOLDER / "model.ubj"))
collection = MongoClient(os.environ["BENCH_STORE"])["naive"]["predictions"]
app = Flask(__name__)


@app.post("/predict")
def predict():  # noqa: ANN201
    """Score one record, keep it, tell the monitor."""
    record = request.get_json()
    known = {name: value for name, value in record.items() if value is not None}
    score = float(booster.predict(xgb.DMatrix(vectorizer.transform([known])))[0])
    kept = {**record, "prediction": score}
    collection.insert_one(dict(kept))
    requests.post(MONITOR, json=kept, timeout=10)
    return jsonify({"score": score})
