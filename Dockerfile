# syntax=docker/dockerfile:1
# A server of orders in a container: the binary, on a file system that it cannot write to.
#   docker build -t backstitch .
#   docker run --rm -p 8080:8080 --read-only -v backstitch:/data backstitch

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin backstitch \
    && cp target/release/backstitch /usr/local/bin/backstitch \
    && mkdir -p /empty/data

# glibc is all that it needs, and whom to trust where it calls services by https.
FROM debian:bookworm-slim
COPY --from=build /usr/local/bin/backstitch /usr/local/bin/backstitch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /empty/data /data
ENV BACKSTITCH_PROFILE=production \
    BACKSTITCH__HTTP__BIND=0.0.0.0:8080 \
    BACKSTITCH__GRPC__ORDER_BIND=0.0.0.0:50051 \
    BACKSTITCH__GRPC__PAYMENT_BIND=0.0.0.0:50052 \
    BACKSTITCH__GRPC__SHIPPING_BIND=0.0.0.0:50053 \
    BACKSTITCH__GRPC__SAGA_BIND=0.0.0.0:50055 \
    BACKSTITCH__STORE__URL=sqlite:/data/backstitch.db
WORKDIR /
USER 65532:65532
# Where SQLite's file is. With PostgreSQL nothing is ever written here.
VOLUME /data
EXPOSE 8080 50051 50052 50053 50054 50055
# SIGTERM: what is in hand is finished or parked, and the process ends by itself.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=12s --start-period=30s --retries=3 CMD ["/usr/local/bin/backstitch", "health"]
ENTRYPOINT ["/usr/local/bin/backstitch"]
CMD ["serve"]
