#!/bin/sh
# Prometheus, Nginx and Chromium from Debian, for the tests that use them; wrk for the benchmarks. Without root it only says what is missing.
set -eu

missing=
for pair in prometheus:prometheus nginx:nginx-light chromium:chromium wrk:wrk; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not installed, so some tests will be skipped:$missing. To have them: sudo apt-get install$missing" >&2
    exit 0
fi

echo "==> Installing$missing"
# Packages must not start their services: the stack runs its own, on its own ports.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
# shellcheck disable=SC2086 # a list of packages
apt-get install -qy --no-install-recommends $missing >/dev/null
