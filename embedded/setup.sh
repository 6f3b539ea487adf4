#!/bin/sh
# Installs the locked packages into .venv and .venv-emulators. Arguments go to `uv sync`.
set -eu
cd "$(dirname "$0")/.."

say() { printf '==> %s\n' "$*"; }
is_311() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; }

python=
for candidate in "${PYTHON:-}" python3.11 python3; do
    if [ -n "$candidate" ] && is_311 "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "Python 3.11 was not found. Install it (Debian 12: apt-get install python3.11), or name it: make setup PYTHON=/path/to/python3.11" >&2
    exit 1
fi

if [ ! -x .venv/bootstrap/bin/uv ]; then
    say "Installing the installer (uv, by its hash)"
    # Debian ships Python without the part that makes environments.
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        if [ "$(id -u)" = 0 ]; then
            apt-get update -q >/dev/null && apt-get install -qy --no-install-recommends python3.11-venv >/dev/null
        else
            echo "This Python cannot make environments. Run: sudo apt-get install python3.11-venv" >&2
            exit 1
        fi
    fi
    "$python" -m venv .venv/bootstrap
    .venv/bootstrap/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r containers/uv.txt
fi

uv=$PWD/.venv/bootstrap/bin/uv
export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
# Compiled once here: a service that compiles at each start takes three times as long.
say "Installing the packages of the stack (about 1.8 GB, once)"
"$uv" venv --quiet --allow-existing --python "$python" .venv
"$uv" sync --quiet --frozen --inexact --compile-bytecode "$@"
sh tabular/native/build.sh "$PWD/.venv" "$uv" "$PWD" \
    || say "The native scorer could not be compiled: single rows will be scored by XGBoost itself, which is slower"
say "Installing the local stand-ins for AWS and MongoDB"
UV_PROJECT_ENVIRONMENT=$PWD/.venv-emulators "$uv" sync --quiet --frozen --compile-bytecode --python "$python" --project embedded/emulators
