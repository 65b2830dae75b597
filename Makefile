# Every target sets itself up: a virtual environment in .venv with pinned versions, made once and again when they change.
# Needs Python 3.11 or newer and pip. On Linux pip takes the CUDA build of torch (several GB); without a GPU, use
#   make quickstart TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
WORK ?= quickstart
PYTEST_FLAGS ?= -n 2
SOAK ?= 50

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DOCS_INSTALLED := $(VENV)/.installed-docs

.PHONY: help install quickstart test test-cluster soak check format docs wheel clean

help:
	@echo "make quickstart   pretrain a small model on text that Python carries, then use it (about 5 minutes on 2 cores)"
	@echo "make test         run the tests"
	@echo "make test-cluster run the tests of several processes that work together, alone (a minute or two on 2 cores)"
	@echo "make soak         run the tests with hostile input, SOAK (50) times as long"
	@echo "make check        ruff (lint, format) and mypy"
	@echo "make format       let ruff rewrite what it can"
	@echo "make docs         build the API reference from the docstrings into build/docs/"
	@echo "make wheel        build the wheel and source archive into dist/"
	@echo "make clean        remove the virtual environment and all build products"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'elmo_lite needs Python 3.11 or newer, found ' + sys.version.split()[0])"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	@touch $@

install: $(INSTALLED)

quickstart: $(INSTALLED)
	$(BIN)/elmo-lite quickstart --out $(WORK) --overwrite

test: $(INSTALLED)
	$(BIN)/python -m pytest $(PYTEST_FLAGS) -m "not cluster"

test-cluster: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 -m cluster

soak: $(INSTALLED)
	ELMO_LITE_SOAK=$(SOAK) $(BIN)/python -m pytest $(PYTEST_FLAGS) tests/soak

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(DOCS_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[docs]"
	@touch $@

docs: $(DOCS_INSTALLED)
	$(BIN)/python docs/api.py build/docs

wheel: $(INSTALLED)
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) $(WORK) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
