#!/bin/sh
# LocalStack loses its data when it stops: this creates the streams and restores the bucket that `init_aws` saved, so that
# clients recover by themselves.
awslocal s3api create-bucket --bucket "$S3_BUCKET" >/dev/null
if [ -d "/saved/$S3_BUCKET" ]; then awslocal s3 sync --quiet "/saved/$S3_BUCKET" "s3://$S3_BUCKET"; fi
for stream in $STREAMS; do
    awslocal kinesis create-stream --stream-name "$stream" --shard-count "$STREAM_SHARDS"
done
