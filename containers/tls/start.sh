#!/bin/sh
# Nginx as in front of the API, with a certificate: server/nginx.conf includes what is written here. TLS_PORT is the port by which
# clients come, and to which those are sent that come without TLS.
set -eu
run=${RUN_DIR:-/run}
secrets=${SECRETS_DIR:-/run/secrets}
for name in TLS_CERTIFICATE TLS_KEY; do
    [ -s "$secrets/$name" ] || { echo "$name is missing: it names a PEM file, and \`make\` hands it on as a secret." >&2; exit 1; }
done
case $TLS_PORT in 443) port= ;; *) port=:$TLS_PORT ;; esac
cat >"$run/listen-tls.conf" <<END_OF_CONF
listen 8443 ssl;
ssl_certificate $secrets/TLS_CERTIFICATE;
ssl_certificate_key $secrets/TLS_KEY;
ssl_protocols TLSv1.2 TLSv1.3;
ssl_session_cache shared:tls:4m;
ssl_session_timeout 1h;
add_header Strict-Transport-Security "max-age=31536000" always;
END_OF_CONF
cat >"$run/redirect-to-tls.conf" <<END_OF_CONF
server {
    listen 8080;
    # 308: a POST stays one. Its body and its key came in the clear, so nothing is passed on.
    location / { return 308 https://\$host$port\$request_uri; }
}
END_OF_CONF
exec nginx -c "${NGINX_CONF:-/nginx.conf}" -g 'daemon off;'
