#!/bin/sh
# Where the public images are stand-ins, the one of Alertmanager is a bare Debian package: give it the image's entry point.
set -eu
cd "$(dirname "$0")"
image=$(sh ../../containers/stock-images.sh | grep '^prom/alertmanager:')
[ "$(docker image inspect -f '{{json .Config.Entrypoint}}' "$image" 2>/dev/null)" = null ] || exit 0
DOCKER_BUILDKIT=0 docker build --quiet --tag "$image" --build-arg IMAGE="$image" - <alertmanager.Dockerfile
