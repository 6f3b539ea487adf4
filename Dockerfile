# Every image of our own code. SERVICE is a dependency group of pyproject.toml:
#   serving      the API and the consumer
#   simulators   both simulators
#   monitor      the drift exporter
#   flows        the Prefect server, its worker with both flows, and the commands of the Makefile
# Only what the classic builder knows is used, so that any Docker since 2017 builds it.

# -- the locked packages; this layer is made again only when the lock changes ----------------------------------------
FROM python:3.11.13-slim-bookworm AS dependencies
ARG SERVICE
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PROJECT_ENVIRONMENT=/opt/venv \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
RUN pip install --no-cache-dir --quiet --disable-pip-version-check uv==0.13.8
WORKDIR /build
COPY pyproject.toml uv.lock containers/slim.sh ./
# Compiled here: the containers cannot write, and a start without bytecode takes three times as long.
RUN test -n "$SERVICE" || { echo "give --build-arg SERVICE=serving, simulators, monitor or flows"; exit 1; } \
 && uv sync --quiet --frozen --no-install-project --no-default-groups --group "$SERVICE" --compile-bytecode \
 && sh slim.sh /opt/venv "$SERVICE" \
 # As an editable installation does: our packages are found where they lie.
 && echo /app >/opt/venv/lib/python3.11/site-packages/churn_mlops.pth

# -- what runs -------------------------------------------------------------------------------------------------------
FROM python:3.11.13-slim-bookworm
RUN pip uninstall --quiet --yes --root-user-action=ignore setuptools wheel pip 2>/dev/null || true; \
    groupadd --gid 10001 app && useradd --uid 10001 --gid app --no-create-home --home-dir /tmp --shell /usr/sbin/nologin app \
 && mkdir /state /reports && chown app:app /state /reports
COPY --from=dependencies /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    STATE_DIR=/state FLOW_CACHE_DIR=/state/flow-cache REPORTS_DIR=/reports
WORKDIR /app
COPY contracts contracts
COPY model_orchestration model_orchestration
COPY monitoring monitoring
COPY reporting reporting
COPY server server
COPY simulation_business simulation_business
COPY tabular tabular
RUN python -m compileall -q .
COPY containers/worker.sh containers/worker.sh
USER app
