#!/bin/sh
# Puts the site, a tar on standard input, into `docs` in the folder of reports, whose web server serves it; whole or not at
# all. sh publish.sh FOLDER
set -eu
(umask 077 && mkdir -p "$(dirname "$1")") # the state folder is its owner's
umask 022                                 # and the web server may be another user
mkdir -p "$1"
cd "$1"
rm -rf .docs
mkdir .docs
tar -x --no-same-owner -C .docs
chmod -R u=rwX,go=rX .docs # what was built under a stricter umask, too
rm -rf docs
mv .docs docs
