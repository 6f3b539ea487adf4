#!/bin/sh
# LocalStack keeps nothing when it stops: the bucket with what `init_aws` put there and the streams are made anew, so that
# everybody goes on by himself.
awslocal s3api create-bucket --bucket "$S3_BUCKET" >/dev/null
if [ -d "/saved/$S3_BUCKET" ]; then awslocal s3 sync --quiet "/saved/$S3_BUCKET" "s3://$S3_BUCKET"; fi
for stream in $STREAMS; do
    awslocal kinesis create-stream --stream-name "$stream" --shard-count "$STREAM_SHARDS"
done
