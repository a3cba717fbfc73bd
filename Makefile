# Everything runs in .venv, which the targets make themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SECONDS ?= 600
PYTEST := $(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo test check nightly lint types layers release audit audit-all golden bench fuzz notebooks pictures docs clean

help: ## Show this help
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/.core: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("make: Python 3.11 or later is needed; name one with PYTHON=/path/to/python3" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) --editable '.[course,postgres,cluster,docs,dev]'
	@touch $@

$(VENV)/.bench: $(VENV)/.core
	$(PIP) --editable '.[bench]'
	@touch $@

$(VENV)/.fuzz: $(VENV)/.core
	$(PIP) --editable '.[fuzz]'
	@touch $@

setup: $(VENV)/.dev ## Install everything into .venv

demo: $(VENV)/.core ## Grade a made-up class and show where the pages are
	$(BIN)/autograder demo

test: $(VENV)/.dev ## Run the tests, samples of the long ones
	$(PYTEST) -m "not nightly"

check: lint types layers ## Everything that must be true before a commit lands; the tests build the docs
	$(MAKE) --no-print-directory audit-all AUDIT="--sample --seed 1"
	$(MAKE) --no-print-directory test

nightly: lint types layers docs audit-all ## The same with nothing left out: before an issue is closed
	$(BIN)/autograder audit --mutants
	DLKIT_TESTS=thorough $(PYTEST)

lint: $(VENV)/.dev ## Format and style (ruff)
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(VENV)/.dev ## Types (mypy, strict)
	$(BIN)/mypy

layers: $(VENV)/.dev ## Imports run downward only (import-linter)
	$(BIN)/lint-imports

release: $(VENV)/.dev ## Build assignments/ from solutions/
	$(BIN)/autograder release

audit-all: $(VENV)/.dev
	$(BIN)/autograder audit --all $(AUDIT)

audit: $(VENV)/.dev ## Prove what has changed of the course: every mistake is caught
	$(BIN)/autograder audit

golden: $(VENV)/.bench ## Compute the golden values anew with PyTorch
	$(BIN)/python tests/golden/make_golden.py

bench: $(VENV)/.bench ## Measure speed and memory, as ratios in one run
	$(BIN)/python -m benchmarks

fuzz: $(VENV)/.fuzz ## Fuzz what reads frames and hand-ins, SECONDS for each target
	$(BIN)/python -m fuzz --seconds $(SECONDS)

notebooks: $(VENV)/.dev ## Run every notebook in full, solution and student version, in a real kernel
	DLKIT_TESTS=thorough $(PYTEST) -m notebook

pictures: $(VENV)/.dev ## Draw the README's pictures anew from a graded class
	$(BIN)/python docs/make_pictures.py

docs: $(VENV)/.dev ## Build the documentation site, without network, into build/docs/html
	$(BIN)/python docs/build_site.py

clean: ## Remove .venv, caches and the demo's output
	rm -rf $(VENV) build dist demo graded docs/generated *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
