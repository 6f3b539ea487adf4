#!/bin/sh
# What the tests use of Debian: Prometheus, Nginx, PostgreSQL, Chromium with what its driver needs, curl; wrk for the
# benchmarks.
# Without root it only says what is missing.
set -eu
PATH=$PATH:/usr/sbin:/sbin

missing=
for pair in prometheus:prometheus nginx:nginx-light chromium:chromium curl:curl wrk:wrk amtool:prometheus-alertmanager; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
# Debian's PostgreSQL is on no path: it may be there in several versions.
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
# The browser's driver (Playwright) comes with a Node that is linked to it.
ldconfig -p 2>/dev/null | grep -q 'libatomic\.so\.1' || missing="$missing libatomic1"
# LightGBM, an optional family of models, is linked to the system's OpenMP.
ldconfig -p 2>/dev/null | grep -q 'libgomp\.so\.1' || missing="$missing libgomp1"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not installed, so some tests will be skipped:$missing. To have them: sudo apt-get install --no-install-recommends$missing" >&2
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
