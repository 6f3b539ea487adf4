#!/bin/sh
# Writes images.lock: the digest that each public image's tag has now, as its registry says. Needs docker buildx and access to the registries.
set -eu
cd "$(dirname "$0")"
sed -n '/^#/p' images.lock >images.lock.new
for image in $(sh stock-images.sh); do
    digest=$(docker buildx imagetools inspect "$image" --format '{{.Manifest.Digest}}') || digest=
    case $digest in
        sha256:*) echo "$image@$digest" >>images.lock.new ;;
        *)
            rm images.lock.new
            echo "No digest was found for $image: its registry does not respond, or has no such tag. images.lock is unchanged." >&2
            exit 1
            ;;
    esac
done
mv images.lock.new images.lock
