# From a fresh clone: `make example` compiles the example and runs it here, `make check` passes everything.
# The environment is made on first use, from pyproject.toml and requirements-dev.txt, in $(VENV).

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.typedpipe-installed
PYTEST := $(BIN)/python -m pytest -q
JOBS ?= 2

.PHONY: help example check format lint types contracts test pythons fixture fixture-manifests faults conformance proto proto-check runtime picture lock clean
help: ## say what there is
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

$(STAMP): requirements-dev.txt pyproject.toml
	@if command -v uv > /dev/null && uv --version > /dev/null 2>&1; then \
	  uv venv -q --allow-existing --python $(PYTHON) $(VENV) && uv pip install -q --python $(BIN)/python -r requirements-dev.txt -e .; \
	else \
	  $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install -q -r requirements-dev.txt -e .; \
	fi
	@touch $@

example: $(STAMP) ## compile examples/digits.py for Argo, and run it on this machine
	$(BIN)/typedpipe compile examples/digits.py -o digits.yaml
	$(BIN)/typedpipe run examples/digits.py --epochs 3

check: format lint types contracts proto-check test ## everything that CI runs, but the cluster

format: $(STAMP)
	$(BIN)/ruff format --check .

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP) ## mypy and pyright strict, pyrefly, ty
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python --summary=none
	$(BIN)/ty check -q --python $(BIN)/python

contracts: $(STAMP) ## which package may import which
	$(BIN)/lint-imports --no-cache

test: $(STAMP) ## the tests; no cluster needed
	$(PYTEST) -n $(JOBS)

pythons: ## the tests on each other Python that is on this machine
	PYTHON=$(PYTHON) JOBS=$(JOBS) tools/pythons

fixture: $(STAMP) ## record stores, saved IR and YAML, after a change of a format
	$(BIN)/python -m tests.compatibility.record

fixture-manifests: $(STAMP) ## accept a change of the YAML that recorded pipelines compile to
	$(BIN)/python -m tests.compatibility.record --manifests

faults: $(STAMP) ## the tests that break things, with the heavy ones: a gigabyte of log, ten thousand tasks, every failpoint
	$(PYTEST) -m "not cluster" tests/faults

conformance: $(STAMP) ## one pipeline a construct, here and on the cluster that KUBECONFIG names
	$(PYTEST) -m cluster tests/conformance

proto: $(STAMP) ## generate the code of proto/
	PYTHON=$(BIN)/python proto/generate

proto-check: proto
	git diff --exit-code -- typedpipe/ir/_pb

runtime: $(STAMP) ## pack the runtime that travels into pods
	$(BIN)/python tools/pack_runtime.py

picture: $(STAMP) ## draw the README's typed error anew
	$(BIN)/python tools/picture.py

lock: ## write requirements-dev.txt anew
	uv export --no-hashes --no-emit-project --no-annotate --no-header -q > requirements-dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache dist digits.yaml
