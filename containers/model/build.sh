#!/bin/sh
# Build the image of a model: sh containers/model/build.sh FOLDER [TAG], on the API's image of this code, or on BASE.
set -eu
cd "$(dirname "$0")/../.."
folder=$1 tag=${2:-}
fail() { echo "$*" >&2; exit 1; }
docker info >/dev/null 2>&1 || fail "Docker does not respond, and an image is built by it. Is it installed and running, and may you use it? Try: docker info"
run_id=$(sed -n 's/^mlops.run-id=//p' "$folder/labels") table=$(sed -n 's/^mlops.table=//p' "$folder/labels")
[ -n "$tag" ] || tag=$(printf '%s' "$table" | tr 'A-Z_' 'a-z-'):$(printf '%.12s' "$run_id")
base=${BASE:-}
if [ -z "$base" ]; then
    base=churn-serving:${IMAGE_TAG:-dev}
    echo "Building $base, the API of this code (minutes the first time, then seconds)"
    docker build --quiet --build-arg SERVICE=serving --tag "$base" . >/dev/null
fi
cp containers/model/serve.sh containers/model/Procfile "$folder"
set --
while IFS= read -r label; do set -- "$@" --label "$label"; done <"$folder/labels"
docker build --quiet --tag "$tag" --build-arg BASE="$base" "$@" -f containers/model/Dockerfile "$folder" >/dev/null
echo "The image is $tag: $(docker image inspect -f '{{.Size}}' "$tag" | sed 's/......$//') MB, with run $run_id of $table inside. Try it:"
echo "    docker run --rm -p 127.0.0.1:9696:9696 $tag"
