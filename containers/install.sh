#!/bin/sh
# In an image: install locked packages into /opt/venv, list them in CycloneDX (/opt/sbom.cdx.json), create the user `app`,
# and remove the installer. The arguments are options of `uv sync` that select the packages.
set -eu
cd "$(dirname "$0")"
pip install --no-cache-dir --quiet --disable-pip-version-check --root-user-action=ignore --target /build/uv --require-hashes -r uv.txt
export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PROJECT_ENVIRONMENT=/opt/venv
SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt /build/uv/bin/uv sync --quiet --frozen --no-install-project "$@"
/build/uv/bin/uv export --quiet --frozen --preview-features sbom-export --format cyclonedx1.5 -o /opt/sbom.cdx.json "$@"
rm -rf /build/uv
pip uninstall --quiet --yes --root-user-action=ignore setuptools wheel pip 2>/dev/null || true
groupadd --gid 10001 app
useradd --uid 10001 --gid app --no-create-home --home-dir /tmp --shell /usr/sbin/nologin app
