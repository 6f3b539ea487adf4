#!/bin/sh
# Does the README hold on a machine with nothing but its one apt line? As root, with debootstrap:
#   sh tests/bare-machine.sh SUITE [USER] [STEP...]       SUITE: bookworm, trixie    USER: root (the default), or a new one
# builds that Debian in a folder, clones the last commit into it and goes through the steps, by default all of them:
#   install  the README's apt line, make setup
#   run      make run, the curl line it prints, make stop; fails if a file was written outside the project
#   test     make setup_tests, make test
# Without `install` it goes on in the machine that is there. After `make setup` and `make setup_tests` nothing is reachable
# but the machine itself.
set -eu

suite=${1:?Say which Debian, such as: sh tests/bare-machine.sh trixie} user=${2:-root}
[ $# -le 2 ] && set -- "$suite" "$user" install run test
shift 2
project=${BARE_PROJECT:-$(cd "$(dirname "$0")/.." && pwd)}
home=/home/$user
[ "$user" != root ] || home=/root
work=${BARE_FOLDER:-$project/build}
pristine=$work/bare-$suite.tar
root=$work/bare-$suite-$user

say() { printf '\n=== %s: %s, %s\n' "$*" "$suite" "$user"; }
stop() {
    echo "$*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || stop "It needs root: sudo sh tests/bare-machine.sh $suite $user"
for program in debootstrap unshare ip git; do
    command -v "$program" >/dev/null || stop "It needs $program: apt-get install debootstrap iproute2 git"
done

if [ -z "${BARE_INSIDE:-}" ]; then
    # All that is mounted and all that runs below ends with this process.
    exec env BARE_INSIDE=1 unshare --mount --pid --fork --kill-child sh "$0" "$suite" "$user" "$@"
fi

build() {
    if [ ! -e "$pristine" ]; then
        say "building a bare machine"
        mkdir -p "$work"
        rm -rf --one-file-system "$root"
        debootstrap --variant=minbase "$suite" "$root" http://deb.debian.org/debian >/dev/null
        tar -C "$root" -cf "$pristine.new" .
        mv "$pristine.new" "$pristine"
    fi
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    tar -C "$root" -xf "$pristine"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts" # as every installed Debian has it; debootstrap writes none
}

case " $* " in *" install "*) build ;; esac
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o nosuid,nodev tmpfs "$root/dev/shm"

as() { chroot "$root" su - "$1" -c "set -eux; $2"; }
here() { as "$user" "cd ~/project; $1"; }
alone() { unshare --net sh -c 'ip link set lo up && exec "$@"' sh chroot "$root" su - "$user" -c "set -eux; cd ~/project; $1"; }

# The way out is this machine's: its resolver, its own certificate authorities, its mirrors.
lead_out() {
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    mkdir -p "$root/usr/local/share/ca-certificates"
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
    export -p | grep -E '^export (PIP_[A-Z_]*|UV_[A-Z_]*|SSL_CERT_[A-Z]*|[a-zA-Z]*_(proxy|PROXY))=' \
        | grep -v PIP_FIND_LINKS >"$root/etc/profile.d/outside.sh" || true
}

step_install() {
    lead_out
    packages=$(grep -hom1 'apt-get install .*' "$project/README.md" "$project/docs/tutorial.md" | head -n 1)
    say "${packages:?the README names no packages}"
    as root "apt-get update -q; DEBIAN_FRONTEND=noninteractive $packages -qy; update-ca-certificates"
    [ "$user" = root ] || as root "useradd --create-home --shell /bin/bash $user"
    git clone --quiet --no-local "$project" "$root$home/project"
    as root "chown -R $user: $home/project"
    touch "$root/var/before"
    here "make setup"
}

step_run() {
    say "make run, its curl line, make stop"
    alone 'make run 2>&1 | tee run.log; grep ^curl run.log >ask.sh; sh -e ask.sh; make status; make stop'
    say "what was written outside the project"
    written=$(cd "$root" && find . -xdev -path "./${home#/}/project" -prune \
        -o -newer var/before ! -path ./tmp \( ! -type d -o -empty \) -print)
    [ -z "$written" ] || { echo "$written"; exit 1; }
}

step_test() {
    say "make test"
    as root "sh ${home}/project/tests/system-packages.sh"
    here "make setup_tests"
    alone "make test"
}

for step; do "step_$step"; done
