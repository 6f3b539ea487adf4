#!/bin/sh
# Starts a program with its secrets: each file under /run/secrets becomes the variable that the file is named after.
# `docker inspect` shows the environment of a container to everybody who may ask the engine; that of a process it does not.
set -eu
for file in "${SECRETS_DIR:-/run/secrets}"/*; do
    [ -f "$file" ] || continue # none at all, or a folder of somebody else
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
