"""What has a table's name in MLflow: its experiment and its registered model, each made once, by whoever is first."""

from __future__ import annotations

from typing import Any

OF_AN_EXPERIMENT = {"mlflow.experimentKind": "custom_model_development"}
"""What says that its runs are of classic machine learning, and no language models."""
ABOUT_MODELS = (
    "Models of the table {name}. The alias champion stands on the one that serves, challenger on one that passed the "
    "gate and is compared with it, previous on the champion before."
)
_EXISTS = "RESOURCE_ALREADY_EXISTS"


def experiment_of(client: Any, name: str) -> str:
    """The id of the experiment, which is marked as one of machine learning; raises MLflow's errors."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client.create_experiment(name, tags=OF_AN_EXPERIMENT))
    except MlflowException as error:
        if error.error_code != _EXISTS:
            raise
    found = client.get_experiment_by_name(name)
    for key, value in OF_AN_EXPERIMENT.items():
        if key not in found.tags:
            client.set_experiment_tag(found.experiment_id, key, value)
    return str(found.experiment_id)


def make_registered_model(client: Any, name: str) -> None:
    """Make the registered model with its description, if there is none yet; raises MLflow's errors."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description=ABOUT_MODELS.format(name=name))
    except MlflowException as error:
        if error.error_code != _EXISTS:
            raise
