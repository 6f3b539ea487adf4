# Where images are stand-ins made of Debian packages: the package under the entry point, user and folder of the image.
ARG IMAGE
FROM $IMAGE
RUN ln -sf /usr/bin/prometheus-alertmanager /bin/alertmanager; ln -sf /bin/busybox /usr/local/bin/wget; \
    mkdir -p /alertmanager && chown 65534:65534 /alertmanager
USER nobody
ENTRYPOINT ["/bin/alertmanager"]
