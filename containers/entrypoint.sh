#!/bin/sh
# Starts a program with its secrets: each file under /run/secrets becomes the environment variable of that name.
# `docker inspect` shows the environment of a container to every user of the engine, but not that of a process.
set -eu
for file in "${SECRETS_DIR:-/run/secrets}"/*; do
    [ -f "$file" ] || continue # no file, or a folder
    name=${file##*/}
    if [ -n "$(printenv "$name" || true)" ]; then
        echo "$name is given twice, as a variable and as the file $file. Remove one of them." >&2
        exit 1
    fi
    if ! value=$(cat "$file"); then
        echo "$name cannot be read from $file. The user with the id $(id -u) must be able to read it." >&2
        exit 1
    fi
    # Empty is unset, as in every setting.
    [ -z "$value" ] || export "$name=$value"
done
exec "$@"
