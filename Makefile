# Everything sets itself up in .venv; the second time it is quick.
PYTHON ?= python3
DATA_DIR ?=
PORT ?= 8000
BIN := .venv/bin
READY := .venv/.ready
FOLDER := $(if $(DATA_DIR),--data-dir "$(DATA_DIR)",)

.PHONY: help setup demo test test-fast test-spark check format bench simulate fuzz crash lock clean compatibility

help:
	@echo "make demo       import real purchase data, run a campaign on it, serve the console"
	@echo "make test       checks and all tests"
	@echo "make test-fast  the tests without browser and long runs"
	@echo "make test-spark the segments on a local Spark; needs Java 17"
	@echo "make check      format, lint, types, import rules"
	@echo "make bench      the benchmarks, one JSON object a line"
	@echo "make simulate   random operations against a model; SEED=… STEPS=…"
	@echo "make fuzz       requests of all kinds against the OpenAPI document; SEED=… CASES=…"
	@echo "make crash      kill servers under load and look for losses; CYCLES=…"
	@echo "make compatibility  renew docs/reference/compatibility.md by calling every client method"
	@echo "make lock       renew constraints.txt"

setup: $(READY)

$(READY): constraints.txt pyproject.toml hatch_build.py package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit("Kaquan needs Python 3.11 or later" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: setup
	$(BIN)/kaquan demo $(FOLDER) --port $(PORT)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: check
	$(BIN)/python -m pytest -n 2 --dist loadgroup --durations=30

test-fast: setup
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not browser"

test-spark: setup .cache/spark
	PYTHONPATH=.cache/spark $(BIN)/python -m pytest tests/segments/test_spark.py

.cache/spark: constraints-spark.txt
	rm -rf $@
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --target $@ -r constraints-spark.txt

bench: setup
	$(BIN)/python -m benchmarks

simulate: setup
	PYTHONPATH=tests $(BIN)/python -m simulation $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS))

fuzz: setup
	PYTHONPATH=tests $(BIN)/python -m contract.fuzzing $(if $(SEED),--seed $(SEED)) $(if $(CASES),--cases $(CASES))

crash: setup
	$(BIN)/python -m benchmarks.crash $(if $(CYCLES),--cycles $(CYCLES))
	$(BIN)/python -m benchmarks.crash --cycles 2 --without-durability

compatibility: setup
	KAQUAN_WRITE_COMPATIBILITY=1 $(BIN)/python -m pytest -q tests/contract/test_compatibility.py

lock:
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip install --quiet uv
	.cache/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --extra demo --group dev \
		--output-file constraints.txt pyproject.toml requirements-build.in
	echo "pyspark>=4,<5" | .cache/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-annotate \
		--output-file constraints-spark.txt -

clean:
	rm -rf .venv .cache src/kaquan/console/static/vendor
