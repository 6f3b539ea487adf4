#!/bin/sh
# LocalStack keeps nothing when it stops: the bucket and the streams are made anew, so that the servers go on by
# themselves. `make init_aws` brings the table back.
awslocal s3api create-bucket --bucket "$S3_BUCKET" >/dev/null
for stream in $STREAMS; do
    awslocal kinesis create-stream --stream-name "$stream" --shard-count "$STREAM_SHARDS"
done
