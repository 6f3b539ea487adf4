#!/bin/sh
# Compiles tree_traversal.c into an environment: sh build.sh ENVIRONMENT UV PROJECT. It takes the system's C compiler or, where
# there is none, the one of the locked package `ziglang`, which comes and goes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
environment=$1 uv=$2 project=$3

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
compile() { "$@" -O2 -fPIC -shared -ffp-contract=off -o "$scratch/tree_traversal.so" "$here/tree_traversal.c" -lm; }

if compiler=$(command -v cc || command -v gcc || command -v clang); then
    compile "$compiler"
else
    # Not `uv sync`, which passes by the mirror that UV_DEFAULT_INDEX may name.
    "$uv" export --quiet --frozen --no-emit-project --only-group native --project "$project" -o "$scratch/zig.txt"
    "$uv" venv --quiet --python "$environment/bin/python" "$scratch/zig"
    "$uv" pip install --quiet --require-hashes --python "$scratch/zig/bin/python" --requirements "$scratch/zig.txt"
    export ZIG_GLOBAL_CACHE_DIR="$scratch/cache" ZIG_LOCAL_CACHE_DIR="$scratch/cache"
    compile "$scratch/zig/bin/python" -m ziglang cc -mcpu=baseline # by default it takes all that this processor can
fi
# Moved into place whole: a process that has the old one open keeps it.
cp "$scratch/tree_traversal.so" "$environment/lib/tree_traversal.so.new"
mv "$environment/lib/tree_traversal.so.new" "$environment/lib/tree_traversal.so"
