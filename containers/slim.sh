#!/bin/sh
# Takes out of an environment what no running service reads: sh slim.sh /opt/venv [serving]
set -eu
packages=$1/lib/python3.11/site-packages

# The big packages' own tests (elsewhere a folder of that name may be needed), and files for compilers and type checkers.
for package in matplotlib numpy pandas pyarrow scipy sklearn; do
    [ ! -d "$packages/$package" ] || find "$packages/$package" -type d -name tests -prune -exec rm -rf {} +
done
rm -rf "$packages/numpy/_core/include" "$packages/pyarrow/include"
find "$packages" -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.pyx' -o -name '*.a' -o -name '*.h' \) -delete

# The descriptions of some 400 AWS services that are not used.
if [ -d "$packages/botocore/data" ]; then
    find "$packages/botocore/data" -mindepth 1 -maxdepth 1 -type d \
        ! -name s3 ! -name kinesis ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -rf {} +
fi

# XGBoost imports scipy.sparse and calls nothing of it where plain arrays are scored.
if [ "${2:-}" = serving ]; then
    cd "$packages/scipy"
    rm -rf cluster constants datasets differentiate fft fftpack integrate interpolate io misc ndimage odr optimize \
        signal spatial stats
    "$1/bin/python" -B -c "import xgboost"
fi

# The containers cannot write, and a start without bytecode takes three times as long.
"$1/bin/python" -m compileall -q -j 0 "$packages" || true # templates of code are no code
