#!/usr/bin/env bash
# On the machine: deploy a run, or a version of the code, of a commit. .github/workflows/deploy.yml sends it there by SSH.
#   deploy-here.sh FOLDER COMMIT RUN_ID [VERSION REGISTRY]      with VERSION the run stays as it is
set -euo pipefail
cd "$1"
commit=$2 run=$3 version=${4:-} registry=${5:-}
before=$(git rev-parse HEAD) kept=$(mktemp)
trap 'rm -f "$kept"' EXIT
# The checkout takes the commit's own env file; what runs until now stands in this one.
cat .env.cloud >"$kept"
running=$(sed -n 's/^IMAGE_TAG=//p' "$kept")

stay() {
    git checkout --quiet --force --detach "$before"
    cat "$kept" >.env.cloud
    echo "Not deployed: $*. The folder is at $before again, as before." >&2
    exit 1
}

git fetch --quiet origin "$commit"
git checkout --quiet --force --detach "$commit"
# Either puts back by itself what was before, if the new one does not work.
if [ -n "$version" ]; then
    make deploy env=cloud VERSION="$version" REGISTRY="$registry" </dev/null || stay "$version does not work"
else
    make deploy env=cloud RUN_ID="$run" </dev/null || stay "the run ${run:-that is champion} cannot be served"
fi
sleep "${SETTLE_SECONDS:-30}"
if [ -n "$version" ]; then
    make healthy env=cloud </dev/null && exit
    make deploy env=cloud VERSION="$running" </dev/null || true
    stay "$version was not healthy ${SETTLE_SECONDS:-30} s later"
fi
make healthy env=cloud RUN_ID="$run" </dev/null && exit
make rollback env=cloud why="it was not healthy ${SETTLE_SECONDS:-30} s after the deploy" </dev/null || true
stay "the run was not healthy ${SETTLE_SECONDS:-30} s later"
