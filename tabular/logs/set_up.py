"""What every process of ours does first: its files are its owner's alone, and its log lines have one form."""

from __future__ import annotations

import logging

from tabular.errors import InvalidSetting
from tabular.logs.formats import Form, formatter
from tabular.process.private_files import keep_private
from tabular.settings import load_settings


def set_up_process(service: str) -> None:
    """Keep files private, and log under the name of the service in the form that `LOG_FORMAT` asks for."""
    keep_private()
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(log_format(), service))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def prefect_lines() -> logging.Formatter:
    """The formatter of Prefect; `model_orchestration/deployments/logging.yml` names it."""
    return formatter(log_format(), "prefect")


def mlflow_lines() -> logging.Formatter:
    """The formatter of MLflow's server in the embedded mode; `mlflow/logging.json` names it."""
    return formatter(log_format(), "mlflow")


def log_format() -> Form:
    """The form that is set; text where the settings are not usable, which the program itself will say."""
    try:
        settings = load_settings()
    except InvalidSetting:
        return "text"
    return settings.log_format
