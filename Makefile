# From a fresh clone: `make example` compiles the example and runs it locally, `make check` runs all checks.
# The virtual environment in $(VENV) is created on first use, from pyproject.toml and requirements-dev.txt.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.typedpipe-installed
PYTEST := $(BIN)/python -m pytest -q
JOBS ?= 2
# The tests that `make check` runs: `make check SUITE=test-user` runs them as an ordinary user.
SUITE ?= test
# The tests that `make conformance` runs; CI runs "cluster and not heavy", at most 200 pods.
MARKS ?= cluster
# The unit tests that start no engine and draw on no terminal.
CORE = $(filter-out tests/unit/local/ tests/unit/cli/,$(sort $(dir $(wildcard tests/unit/*/*.py))))

.PHONY: help example check format lint types contracts test test-user pythons fixture fixture-yaml faults combinations conformance proto proto-check runtime picture lock clean quick design
help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

$(STAMP): requirements-dev.txt pyproject.toml
	@tools/environment $(PYTHON) $(VENV)
	@touch $@

example: $(STAMP) ## compile examples/digits.py to Argo YAML, then run it locally
	$(BIN)/typedpipe compile examples/digits.py -o digits.yaml
	$(BIN)/typedpipe run examples/digits.py --epochs 3

quick: format lint ## check format and lint, and run the unit tests of the core, in under a minute
	$(PYTEST) -n $(JOBS) $(CORE)

check: format lint types contracts design proto-check $(SUITE) ## run everything that CI runs, except the cluster tests

format: $(STAMP)
	$(BIN)/ruff format --check .

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP) ## run mypy and pyright (both strict), pyrefly and ty
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python --summary=none
	$(BIN)/ty check -q --python $(BIN)/python

contracts: $(STAMP) ## check which package imports which
	$(BIN)/lint-imports --no-cache

design: $(STAMP) ## print what a change costs; fail if a figure exceeds its ceiling
	$(BIN)/python tools/design.py
	$(BIN)/python tools/design.py --check

test: $(STAMP) ## run the tests; needs no cluster
	$(PYTEST) -n $(JOBS)

test-user: ## run the tests as an ordinary user: root hides mistakes with permissions
	PYTHON=$(PYTHON) JOBS=$(JOBS) tools/test_user

pythons: ## run the tests on each other Python version installed on this machine
	PYTHON=$(PYTHON) JOBS=$(JOBS) tools/pythons

fixture: $(STAMP) ## record stores, saved IR and YAML, after a change of a format
	$(BIN)/python -m tests.compatibility.record

fixture-yaml: $(STAMP) ## accept a change of the YAML that recorded pipelines compile to
	$(BIN)/python -m tests.compatibility.record --manifests

faults: $(STAMP) ## run the fault-injection tests, including the slow ones: 1 GB of log, 10,000 tasks, every failpoint
	$(PYTEST) -m "not cluster" tests/faults

combinations: $(STAMP) ## run 1,000 generated pipelines of combined features; COMBINATIONS sets the number
	$(PYTEST) -m "not cluster" tests/combinations

conformance: $(STAMP) ## run one pipeline per construct and generated ones, locally and on the cluster that KUBECONFIG selects
	$(PYTEST) -m "$(MARKS)" tests/conformance tests/combinations

proto: $(STAMP) ## regenerate the code from proto/
	PYTHON=$(BIN)/python proto/generate

proto-check: proto
	git diff --exit-code -- typedpipe/ir/_pb

runtime: $(STAMP) ## pack the runtime that is shipped to pods
	$(BIN)/python tools/pack_runtime.py

picture: $(STAMP) ## redraw the picture in the README
	$(BIN)/python tools/picture.py

lock: ## regenerate requirements-dev.txt
	uv export --no-hashes --no-emit-project --no-annotate --no-header -q > requirements-dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache dist digits.yaml
