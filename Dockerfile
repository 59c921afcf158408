# airlock with PostgreSQL's server programs, which trace, verify, diff, check and test start as
# throwaway servers. `docker build -t airlock . && docker run --rm -v "$PWD:/work" airlock lint migrations`
FROM rust:1-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends libclang-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY benches benches
COPY tests/oracle/main.rs tests/oracle/main.rs
COPY migrations migrations
COPY plans plans
RUN cargo build --release --locked --bin airlock

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates postgresql-15 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home airlock
COPY --from=build /src/target/release/airlock /usr/local/bin/airlock
# The server programs refuse to run as root.
USER airlock
WORKDIR /work
ENTRYPOINT ["airlock"]
