FROM rust:1.95-bookworm AS builder
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq-dev libsqlite3-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build

# The dependencies, in a layer of their own: it is built again only when they change.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && echo 'fn main() {}' >src/main.rs \
    && touch src/lib.rs \
    && cargo build --release --locked --no-default-features \
    && rm -r src

COPY src src
COPY templates templates
COPY migrations migrations
# cargo goes by the time of the files, and the copies are older than what was just built.
RUN touch src/main.rs src/lib.rs \
    && cargo build --release --locked --no-default-features

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libpq5 libsqlite3-0 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=builder /build/target/release/doorward /usr/local/bin/doorward
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin doorward \
    && install -d -o doorward -g doorward -m 0750 /data
USER 10001
WORKDIR /data
VOLUME /data
ENV LISTEN_ADDR=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["doorward", "healthcheck"]
ENTRYPOINT ["doorward"]
