# Fetches the public images by the digests of images.lock. Sourced by stack.sh.
# Compose and the Dockerfiles use tags, so that other images can replace them (IMAGES_LOCK=/dev/null).

fetch_pinned_images() {
    local line tag digest name
    while IFS= read -r line; do
        case $line in '' | '#'*) continue ;; esac
        tag=${line%%@*} digest=${line##*@}
        name=${tag%:*}
        if docker image inspect -f '{{join .RepoDigests " "}}' "$tag" 2>/dev/null | grep -q "$digest"; then continue; fi
        say "Fetching $tag by its digest"
        quietly docker pull "$name@$digest" || fail "$tag cannot be pulled by its digest in ${IMAGES_LOCK:-containers/images.lock}."
        docker tag "$name@$digest" "$tag"
    done <"${IMAGES_LOCK:-containers/images.lock}"
}
