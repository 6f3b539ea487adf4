#!/bin/sh
# Installs the locked packages into .venv and .venv-emulators, and nothing anywhere else. Arguments go to `uv sync`.
set -eu
cd "$(dirname "$0")/.."

say() { printf '==> %s\n' "$*"; }
stop() {
    printf '%s\n' "$*" >&2
    exit 1
}

case $PWD in
    *%*) stop "There is a % in the project's path, $PWD, which MLflow does not support. Move the project elsewhere. Nothing was installed" ;;
esac

# The versions that pyproject.toml allows, such as "11 13" for ">=3.11,<3.14".
read -r oldest newest <<END
$(sed -n 's/^requires-python = ">=3\.\([0-9]*\),<3\.\([0-9]*\)"$/\1 \2/p' pyproject.toml)
END
newest=$((newest - 1))
allowed="3.$oldest to 3.$newest"

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }
is_supported() {
    # A build without the interpreter lock needs wheels of its own, which most packages do not publish.
    "$1" -c "import sys, sysconfig
sys.exit(not (3, $oldest) <= sys.version_info[:2] <= (3, $newest) or bool(sysconfig.get_config_var('Py_GIL_DISABLED')))" \
        2>/dev/null
}
python='' incomplete=''
find_python() { # the first that can create virtual environments, for which Debian's needs a package
    for candidate; do
        is_supported "$candidate" || continue
        if "$candidate" -c 'import ensurepip' 2>/dev/null; then
            python=$candidate
            return
        fi
        incomplete=${incomplete:-$candidate}
    done
}

if [ -n "${PYTHON:-}" ]; then
    is_supported "$PYTHON" \
        || stop "PYTHON=$PYTHON is not Python $allowed ($(version_of "$PYTHON" || echo 'it does not run')): name another, or none"
    find_python "$PYTHON"
else
    last=$(.venv/bin/python -c 'import sys; print(sys._base_executable)' 2>/dev/null || true)
    # shellcheck disable=SC2046 # a list of names
    find_python "$last" python3 $(seq -f 'python3.%.0f' "$newest" -1 "$oldest")
fi
if [ -z "$python" ] && [ -n "$incomplete" ]; then
    stop "$incomplete (Python $(version_of "$incomplete")) cannot create virtual environments. Run: sudo apt-get install python$(version_of "$incomplete")-venv"
fi
[ -n "$python" ] \
    || stop "Python $allowed was not found (python3 is $(version_of python3 || echo 'not there')). Install it (Debian 12 or 13, Ubuntu 24.04: sudo apt-get install python3-venv), or name it: make setup PYTHON=/path/to/python3.$newest"

# Both installers would keep their downloads in the home folder, 1.6 GB; and the system's temporary folder may be in
# memory. To share the downloads between checkouts: UV_CACHE_DIR=~/.cache/uv
mkdir -p .venv
find .venv -maxdepth 1 -name 'tmp.*' -mmin +60 -exec rm -rf {} + # left by a set-up that was killed
scratch=$(mktemp -d "$PWD/.venv/tmp.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'echo "Interrupted during the installation. To continue: make run" >&2; exit 130' INT TERM
export TMPDIR="$scratch" UV_PYTHON_DOWNLOADS=never
[ -n "${PIP_CACHE_DIR:-}" ] || export PIP_NO_CACHE_DIR=1
if [ -n "${UV_CACHE_DIR:-}" ]; then
    export UV_LINK_MODE="${UV_LINK_MODE:-copy}"
else
    export UV_NO_CACHE=1 UV_LINK_MODE="${UV_LINK_MODE:-hardlink}" # out of the scratch folder
fi

# A company's own certificate authority is in the system's store, which neither installer reads by default.
for store in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
    if [ -s "$store" ]; then
        export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}" PIP_CERT="${PIP_CERT:-$store}"
        break
    fi
done

# The package mirror to use instead of PyPI: from uv's or pip's variables, or from pip's configuration.
mirror=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-}}}
if [ -z "$mirror" ]; then
    mirror=$("$python" -m pip config list 2>/dev/null | sed -n "s/^[^=]*\.index-url='\(.*\)'\$/\1/p" | sed -n '$p')
fi
if [ -n "$mirror" ]; then export UV_DEFAULT_INDEX="$mirror" PIP_INDEX_URL="${PIP_INDEX_URL:-$mirror}"; fi

# `uv sync` downloads each package from the URL in the lock file and ignores a mirror. With a mirror, the same packages are
# installed from there by the same hashes. Arguments: the environment, the project's folder, further options of `uv sync`.
install_locked() {
    environment=$1 project=$2
    shift 2
    if [ -z "$mirror" ]; then
        UV_PROJECT_ENVIRONMENT=$environment "$uv" sync --quiet --frozen --compile-bytecode --python "$python" \
            --project "$project" "$@"
        return
    fi
    if [ "${1:-}" = --inexact ]; then shift; fi # `uv pip install` removes nothing anyway
    "$uv" export --quiet --frozen --no-emit-project --project "$project" "$@" --output-file "$scratch/packages.txt"
    "$uv" pip install --quiet --require-hashes --compile-bytecode --python "$environment/bin/python" \
        --requirements "$scratch/packages.txt"
    if [ -n "$(sed -n '/^\[build-system\]/p' "$project/pyproject.toml")" ]; then
        # As a dot, because a requirement does not allow every character of a path.
        (cd "$project" && "$uv" pip install --quiet --no-deps --python "$environment/bin/python" --editable .)
    fi
}

if [ ! -x .venv/bootstrap/bin/uv ]; then
    say "Installing the installer (uv, by its hash)"
    "$python" -m venv .venv/bootstrap
    .venv/bootstrap/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r containers/uv.txt
fi
uv=$PWD/.venv/bootstrap/bin/uv

# Packages of an earlier Python would stay unused.
for packages in .venv/lib/python3.*; do
    case $packages in */python$(version_of "$python") | *'*') ;; *) rm -rf "$packages" ;; esac
done
# Bytecode is compiled once here: a service that compiles at each start takes three times as long.
say "Installing the packages of the stack for Python $(version_of "$python") (about 1.8 GB, once)"
"$uv" venv --quiet --allow-existing --python "$python" .venv
install_locked "$PWD/.venv" "$PWD" --inexact "$@"
[ -e tabular/model/native/tree_traversal.so ] \
    || say "The tree traversal could not be compiled: rows are scored by XGBoost itself, which is slower. To have it, install a C compiler (gcc), then run: touch hatch_build.py && make setup"
say "Installing the local stand-ins for AWS and MongoDB"
"$uv" venv --quiet --allow-existing --python "$python" .venv-emulators
install_locked "$PWD/.venv-emulators" "$PWD/embedded/emulators"
