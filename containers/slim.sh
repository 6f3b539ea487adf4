#!/bin/sh
# Removes from an environment what no running service reads (docs/decisions/containers.md): sh slim.sh /opt/venv [serving]
set -eu
packages=$1/lib/python3.11/site-packages

# The big packages' own tests; in other packages a folder of that name may be needed.
for package in matplotlib numpy pandas pyarrow scipy sklearn; do
    [ ! -d "$packages/$package" ] || find "$packages/$package" -type d -name tests -prune -exec rm -rf {} +
done

# The API descriptions of the AWS services that are not used.
if [ -d "$packages/botocore/data" ]; then
    find "$packages/botocore/data" -mindepth 1 -maxdepth 1 -type d \
        ! -name s3 ! -name kinesis ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -rf {} +
fi

# XGBoost imports scipy.sparse, and calls nothing of it to score plain arrays.
if [ "${2:-}" = serving ]; then
    cd "$packages/scipy"
    rm -rf cluster constants datasets differentiate fft fftpack integrate interpolate io misc ndimage odr optimize \
        signal spatial stats
    "$1/bin/python" -B -c "import xgboost"
fi

# Containers cannot write bytecode, and a start without it takes three times as long.
"$1/bin/python" -m compileall -q -j 0 "$packages" || true # templates of code are no code
