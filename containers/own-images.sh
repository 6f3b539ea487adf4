# The images of our own code: built from this folder, or pulled, if they are a release's or a registry's. Sourced by stack.sh.

# A release (IMAGE_TAG=v1.2.0) is never built from whatever this folder holds, and neither is what a registry has.
is_release() { [[ $1 =~ ^v[0-9]+\.[0-9]+\.[0-9]+$ ]]; }

# provide_images registry|serve: the images for a start of that half; those of both halves are of one version.
provide_images() {
    if [ -n "$REGISTRY" ] || is_release "$IMAGE_TAG"; then fetch_images; else build_images "$1"; fi
}

# The labels say which code it is (OCI image specification); the list of packages is in the image, /opt/sbom.cdx.json.
build_images() {
    local half
    say "Building the images (minutes the first time, then seconds)"
    for half in "$@"; do
        quietly "$half" build --build-arg "VERSION=$IMAGE_TAG" --build-arg "REVISION=$(revision)" --build-arg "SOURCE=$(source_url)"
    done
}

# The commit, with -dirty where a file of the folder differs from it; empty where this is no clone.
revision() { git describe --always --abbrev=40 --match='' --dirty 2>/dev/null || true; }

# The address of the repository, without a login that may stand in it.
source_url() { git config --get remote.origin.url 2>/dev/null | sed 's|//[^/@]*@|//|' || true; }

# A release's image that is on this machine already is the one; any other tag of a registry may have moved.
fetch_images() {
    local image
    for image in $({ registry config --images && serve config --images; } | grep -F "${REGISTRY}churn-" | sort -u); do
        if docker image inspect "$image" >/dev/null 2>&1 && { [ -z "$REGISTRY" ] || is_release "$IMAGE_TAG"; }; then continue; fi
        [ -n "$REGISTRY" ] ||
            fail "The image $image is not on this machine. Nothing was changed. Say which registry has it, such as REGISTRY=ghcr.io/owner, or build it from its own code: git checkout $IMAGE_TAG, then make images env=$mode IMAGE_TAG=$IMAGE_TAG"
        say "Fetching $image"
        quietly docker pull "$image" ||
            fail "The image $image cannot be pulled. Nothing was changed. Check REGISTRY and IMAGE_TAG and, if the registry asks for a login, docker login ${REGISTRY%%/*}"
    done
}

# Which images run, as REGISTRY/TAG or TAG: those of the last start or deploy from here, whatever git has put into the env file.
images_in_use() { cat "$memory/images" 2>/dev/null || printf '%s%s' "$REGISTRY" "$(env_file_value IMAGE_TAG)"; }

remember_images() { mkdir -p "$memory" && printf '%s%s' "$REGISTRY" "$IMAGE_TAG" >"$memory/images"; }

# From now on these images are meant, here and in the env file.
use_images() {
    IMAGE_TAG=${1##*/}
    REGISTRY=${1%"$IMAGE_TAG"}
    export IMAGE_TAG REGISTRY
    write_value IMAGE_TAG "$IMAGE_TAG"
    write_value REGISTRY "${REGISTRY%/}"
}
