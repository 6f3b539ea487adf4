#!/bin/sh
# In an image: install locked packages into /opt/venv, make the user `app`, and leave no installer behind.
# Arguments say which packages, as `uv sync` understands them.
set -eu
cd "$(dirname "$0")"
pip install --no-cache-dir --quiet --disable-pip-version-check --root-user-action=ignore --target /build/uv uv==0.13.8
export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PROJECT_ENVIRONMENT=/opt/venv
SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt /build/uv/bin/uv sync --quiet --frozen --no-install-project "$@"
case " $* " in *" serving "*) SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt sh native/build.sh /opt/venv /build/uv/bin/uv /build ;; esac
rm -rf /build/uv
pip uninstall --quiet --yes --root-user-action=ignore setuptools wheel pip 2>/dev/null || true
groupadd --gid 10001 app
useradd --uid 10001 --gid app --no-create-home --home-dir /tmp --shell /usr/sbin/nologin app
