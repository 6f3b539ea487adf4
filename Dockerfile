# Every image of our own code. SERVICE is a dependency group of pyproject.toml:
#   serving      the API and the consumer
#   simulators   both simulators
#   monitor      the drift exporter
#   flows        the Prefect server, its worker with both flows, and the commands of the Makefile
FROM python:3.11.13-slim-bookworm AS native
WORKDIR /build
COPY pyproject.toml README.md hatch_build.py ./
COPY tabular/model/native tabular/model/native
RUN pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --editable . \
 && test -e tabular/model/native/tree_traversal.so

FROM python:3.11.13-slim-bookworm
ARG SERVICE

# The locked packages: one layer, built again only when the lock changes. It does not keep the installer.
COPY pyproject.toml uv.lock containers/install.sh containers/slim.sh containers/uv.txt /build/
RUN sh /build/install.sh --no-default-groups --group "${SERVICE:?is missing: --build-arg SERVICE=serving, simulators, monitor or flows}" \
 && sh /build/slim.sh /opt/venv "$SERVICE" \
 && mkdir /state /reports && chown app:app /state /reports \
 # Our packages are imported from /app, as in an editable installation.
 && echo /app >/opt/venv/lib/python3.11/site-packages/churn_mlops.pth
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    STATE_DIR=/state FLOW_CACHE_DIR=/state/flow-cache REPORTS_DIR=/reports

WORKDIR /app
COPY contracts contracts
COPY tabular tabular
COPY --from=native /build/tabular/model/native tabular/model/native
COPY containers/entrypoint.sh containers/prefect.sh containers/worker.sh containers/
COPY model_orchestration model_orchestration
COPY monitoring monitoring
COPY reporting reporting
COPY server server
COPY simulation_business simulation_business
RUN python -m compileall -q .
USER app
ENTRYPOINT ["sh", "/app/containers/entrypoint.sh"]
# Which code it is, in the OCI image specification's own keys. Last, for a new commit must build nothing again.
ARG VERSION=dev
ARG REVISION=
ARG SOURCE=
LABEL org.opencontainers.image.title="churn-mlops $SERVICE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.cyclonedx.sbom="/opt/sbom.cdx.json"
