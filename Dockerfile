FROM rust:1.95-bookworm AS builder
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq-dev libsqlite3-dev \
    && rm -rf /var/lib/apt/lists/*
# Writes the list of dependencies into the binary, where scanners of images find it.
RUN cargo install --locked cargo-auditable@0.7.7
WORKDIR /build

# The dependencies, in a layer of their own: it is built again only when they change.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && echo 'fn main() {}' >src/main.rs \
    && touch src/lib.rs \
    && cargo auditable build --release --locked --no-default-features \
    && rm -r src

COPY src src
COPY templates templates
COPY migrations migrations
# What doorward_build_info tells: docker build --build-arg DOORWARD_REVISION="$(git rev-parse --short HEAD)" .
ARG DOORWARD_REVISION=unknown
# cargo goes by the time of the files, and the copies are older than what was just built.
RUN touch src/main.rs src/lib.rs \
    && DOORWARD_REVISION="$DOORWARD_REVISION" cargo auditable build --release --locked --no-default-features

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libpq5 libsqlite3-0 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=builder /build/target/release/doorward /usr/local/bin/doorward
# /data is for SQLite alone; with Postgres nothing is written, and the root can be read-only.
RUN groupadd --gid 10001 doorward \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin doorward \
    && install -d -o doorward -g doorward -m 0750 /data
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV LISTEN_ADDR=0.0.0.0:8080
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["doorward", "healthcheck"]
ENTRYPOINT ["doorward"]
