# Each command is a script, to be read and run by itself too.
.PHONY: help test check audit migrations interop fuzz bench conformance refusals sbom demo demo-gateway

help:
	@echo 'make test        every test: both databases, a real browser; FAST=1 leaves the slow ones out'
	@echo 'make check       format and lints, warnings as errors'
	@echo 'make audit       known vulnerabilities in the dependencies'
	@echo 'make migrations  up and down by the diesel CLI; schema.rs is what it prints'
	@echo 'make interop     signs in at oidc-provider from npm, in a real browser; needs Node.js'
	@echo 'make fuzz        coverage-guided fuzzing of what takes input from outside, FUZZ_SECS for each target'
	@echo 'make bench       speed and memory beside a floor of the same run; some fifteen minutes'
	@echo 'make conformance  docs/conformance.md, from the comments on the tests'
	@echo 'make refusals    docs/refusals.md, from the table in src/http/error/refusals.rs'
	@echo 'make sbom        what the binary is made of, as CycloneDX: target/doorward.cdx.json'
	@echo 'make demo        the app with a demo provider, on this machine'
	@echo 'make demo-gateway  the same with nginx before two apps; PORT=N for another port than 8080'

test:
	@scripts/test

check:
	@scripts/check

audit:
	@scripts/audit

migrations:
	@scripts/migrations

interop:
	@scripts/interop

fuzz:
	@scripts/fuzz

bench:
	@scripts/bench

conformance:
	@WRITE_CONFORMANCE=1 cargo test --locked --test it -- conformance::the_document

refusals:
	@WRITE_REFUSALS=1 cargo test --locked --lib -- http::error::refusals::tests::the_document

sbom:
	@scripts/sbom

demo:
	@cargo run --locked --example demo

# Debian keeps nginx where the PATH of most people does not look.
demo-gateway: export PATH := $(PATH):/usr/sbin
demo-gateway:
	@scripts/needs nginx
	@cargo run --locked --example demo -- --gateway $(if $(PORT),--port $(PORT))
