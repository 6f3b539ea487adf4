"""TLS in front of the API: containers/tls/start.sh over server/nginx.conf, with Nginx and a certificate of the test."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.layout import PROJECT, find_executable
from embedded.services.service import Service, free_port

NAME = "api.of-the-test.example"


def certificate(folder: Path, days: int = 2) -> None:
    """A key, and a certificate that it signed itself, as the container has them as secrets."""
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:localhost"]
    files = ["-keyout", folder / "TLS_KEY", "-out", folder / "TLS_CERTIFICATE"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*command, "-days", str(days), *files, *subject], check=True, capture_output=True)


class Proxy:
    """Nginx in front of an API: its port with TLS and the one that redirects."""

    def __init__(self, folder: Path, tls: int, redirect: int) -> None:
        self.folder, self.tls, self.redirect = folder, tls, redirect

    def ask(self, path: str, record: object = None, host: str = NAME, **headers: str):
        """One request over TLS, whose certificate is checked; the response, and its body."""
        context = ssl.create_default_context(cafile=str(self.folder / "TLS_CERTIFICATE"))
        connection = http.client.HTTPSConnection("localhost", self.tls, timeout=20, context=context)
        return self._asked(connection, path, record, host, headers)

    def ask_in_the_clear(self, path: str, record: object = None, host: str = NAME):
        return self._asked(http.client.HTTPConnection("localhost", self.redirect, timeout=20), path, record, host, {})

    def _asked(self, connection, path, record, host, headers):
        try:
            body = None if record is None else json.dumps(record)
            named = {"Host": host, "Content-Type": "application/json", **headers}
            connection.request("GET" if body is None else "POST", path, body, named)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def proxy(run_api, tmp_path_factory) -> Iterator[Proxy]:
    if find_executable("nginx") is None or shutil.which("openssl") is None:
        pytest.skip("Nginx or openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    certificate(folder)
    tls, redirect = free_port(), free_port()
    with run_api(API_WORKERS="1", ALLOWED_HOSTS=f"localhost,127.0.0.1,{NAME}", API_KEY="of-the-test") as api:
        config = (PROJECT / "server/nginx.conf").read_text()
        # Docker's name server, the network's name of the replicas and the container's folders.
        config = re.sub(r"\n *resolver .*", "", config).replace("set $replicas replicas;", "set $replicas 127.0.0.1;")
        config = config.replace("$replicas:9696", f"$replicas:{api.port}").replace(
            "9696 backlog", f"{free_port()} backlog"
        )
        config = re.sub(r" /(run|tmp)/", f" {folder}/", config)
        if os.geteuid() == 0:
            config = f"user root;\n{config}"
        (folder / "nginx.conf").write_text(config)
        script = (PROJECT / "containers/tls/start.sh").read_text()
        script = script.replace("8443", str(tls)).replace("listen 8080", f"listen {redirect}")
        (folder / "start.sh").write_text(script)
        places = {"RUN_DIR": str(folder), "SECRETS_DIR": str(folder), "NGINX_CONF": str(folder / "nginx.conf")}
        environ = {**places, "TLS_PORT": str(tls), "PATH": f"{os.environ['PATH']}:/usr/sbin"}
        with Service("nginx", ("sh", str(folder / "start.sh")), tls, environ=environ).running(folder / "log"):
            yield Proxy(folder, tls, redirect)


def test_a_prediction_comes_over_tls_and_the_browser_is_told_to_stay_with_it(proxy, contract):
    response, body = proxy.ask("/predict", contract.example, **{"X-API-Key": "of-the-test"})
    assert response.status == 200, body
    assert json.loads(body)["model_run_id"] == "aaaa"
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_without_tls_nothing_is_passed_on_and_a_client_is_sent_to_the_port_with_it(proxy, contract):
    response, body = proxy.ask_in_the_clear("/predict?explain=1", contract.example)
    assert response.status == 308, "which keeps the method and the body"
    assert response.headers["Location"] == f"https://{NAME}:{proxy.tls}/predict?explain=1"
    assert b"prediction" not in body


def test_the_rules_of_the_api_hold_behind_it(proxy, contract):
    assert proxy.ask("/health/ready", host="another.example")[0].status == 421
    assert proxy.ask("/predict", contract.example)[0].status == 401
    assert proxy.ask("/metrics", **{"X-API-Key": "of-the-test"})[0].status == 404
    # What a client says of itself is replaced: nobody is another by a header.
    forged = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "localhost"}
    assert proxy.ask("/health/ready", host="another.example", **forged)[0].status == 421
    response, _ = proxy.ask("/", **{"X-API-Key": "of-the-test"})
    assert response.headers.get("Location", "/").startswith("/"), "a redirect stays with the scheme and the name"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_of_tls_are_not_spoken(proxy):
    context = ssl._create_unverified_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    connection = http.client.HTTPSConnection("localhost", proxy.tls, timeout=20, context=context)
    with pytest.raises(ssl.SSLError):
        connection.request("GET", "/health/live")


def test_a_renewed_certificate_is_presented_after_a_reload(proxy, wait_for):
    def is_presented() -> bool:
        try:  # the present file is what the client trusts; for a moment the old process still takes connections
            return proxy.ask("/health/live")[0].status == 200
        except ssl.SSLCertVerificationError:
            return False

    certificate(proxy.folder, days=3)
    assert not is_presented()
    os.kill(int((proxy.folder / "nginx.pid").read_text()), signal.SIGHUP)
    wait_for(is_presented)


def test_a_certificate_that_is_missing_is_named(tmp_path):
    environ = {"PATH": os.environ["PATH"], "SECRETS_DIR": str(tmp_path), "RUN_DIR": str(tmp_path), "TLS_PORT": "443"}
    done = subprocess.run(
        ["sh", "containers/tls/start.sh"], cwd=PROJECT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "TLS_CERTIFICATE is missing" in done.stderr
