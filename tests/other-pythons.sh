#!/bin/sh
# The tests that start no stack, on every other Python of this machine that the project allows, each with an environment of
# its own under .pythons. Arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."

uv=$PWD/.venv/bootstrap/bin/uv
own=$(.venv/bin/python -c 'import sys; print(sys.version_info[1])')
range=$(sed -n 's/^requires-python = ">=3\.\([0-9]*\),<3\.\([0-9]*\)"$/\1 \2/p' pyproject.toml)
[ $# -gt 0 ] || set -- -q -n 2 --dist loadfile tests/unit tests/adapters tests/server tests/repo

mkdir -p .pythons
scratch=$(mktemp -d "$PWD/.pythons/tmp.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
for minor in $(seq "${range% *}" $((${range#* } - 1))); do
    [ "$minor" != "$own" ] || continue
    # pyenv's python3.12 is there always, and works only where its version is named.
    python=$(PYENV_VERSION=3.$minor python3.$minor -c 'import ensurepip, sys; print(sys.executable)' 2>/dev/null || true)
    if [ -z "$python" ]; then
        echo "=== Python 3.$minor is not on this machine"
        continue
    fi
    echo "=== Python 3.$minor"
    environment=$PWD/.pythons/3.$minor
    (
        export UV_PROJECT_ENVIRONMENT="$environment" UV_PYTHON_DOWNLOADS=never TMPDIR="$scratch"
        [ -n "${UV_CACHE_DIR:-}" ] || export UV_NO_CACHE=1 UV_LINK_MODE="${UV_LINK_MODE:-hardlink}"
        "$uv" sync --quiet --frozen --all-groups --python "$python"
    )
    "$environment/bin/python" -m pytest "$@"
done
