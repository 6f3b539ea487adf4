"""The one translation of MLflow's errors into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tabular.errors import NotFound, Rejected, TabularError, Unavailable

_ABSENT = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND"}
_REJECTED = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "INVALID_STATE", "PERMISSION_DENIED", "UNAUTHENTICATED"}


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Translate MLflow's errors into ours; raises NotFound, Rejected or Unavailable."""
    import requests
    from mlflow.exceptions import MlflowException

    try:
        yield
    except TabularError:
        raise
    except MlflowException as error:
        raise _translated(error, str(error.error_code), what) from None  # its own chain is pages long
    except requests.HTTPError as error:  # the artifact calls raise these
        code = "NOT_FOUND" if error.response is not None and error.response.status_code == 404 else ""
        raise _translated(error, code, what) from None
    except OSError as error:
        raise Unavailable("MLflow", str(error)) from error
    except Exception as error:  # whatever MLflow's client makes of a response that is none
        raise Unavailable(
            "MLflow", f"its response cannot be read ({type(error).__name__}: {str(error)[:200]})"
        ) from error


def _translated(error: Exception, code: str, what: str) -> TabularError:
    # MLflow calls an alias that stands on nothing an invalid parameter.
    if code in _ABSENT or (code == "INVALID_PARAMETER_VALUE" and "not found" in str(error)):
        return NotFound(f"MLflow does not know {what}")
    if code in _REJECTED:
        return Rejected(f"MLflow rejected a call for {what}: {error}")
    why, _, cause = str(error).partition(" failed with exception ")
    return Unavailable(
        "MLflow", f"{why} failed: {cause.rpartition(': ')[2].strip(chr(39) + chr(34) + ')')}" if cause else why
    )
