# The two commands that a stranger needs are `make demo` and `make test`; both install what is
# missing first. CI runs `make test` as well.

# Where rustup puts cargo, also when the shell was started before it was installed.
export PATH := $(HOME)/.cargo/bin:$(PATH):/opt/homebrew/opt/rustup/bin:/usr/local/opt/rustup/bin

.PHONY: demo test bench setup fmt lint help

help:
	@echo "make demo   watch a table of a million rows being migrated under load"
	@echo "make test   run every test, on PostgreSQL 14 to 18 (AIRLOCK_TEST_VERSIONS=15,18 for some)"
	@echo "make bench  measure planning, backfill and stalls, beside the same as written"
	@echo "make lint   check format and lints; make fmt formats"
	@echo "make setup  only install what is missing"

setup:
	@scripts/setup.sh

demo: setup
	cargo run --quiet --release -- demo $(ARGS)

test:
	@scripts/setup.sh tests
	@scripts/servers.sh
	@scripts/test.sh $(ARGS)

bench: setup
	cargo bench $(ARGS)

fmt:
	cargo fmt

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
