# Two commands do everything on a fresh machine with git, make and Python >= 3.11:
#   make demo     sets up and runs the main job
#   make test     sets up and passes the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test matrix check-all lint docs clean

demo: $(READY)
	$(BIN)/convscope demo

test: $(READY)
	$(BIN)/python tools/run_tests.py

# The cases that take long: the whole corpora, generated input, kills, the wheel, every computing room on the other backends.
matrix: $(READY)
	$(BIN)/python tools/run_tests.py --matrix

# Everything that CI checks: format, lint, types, import contract, docs, tests.
check-all: lint test matrix

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/make_docs.py --check

docs: $(READY)
	$(BIN)/python tools/make_docs.py

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[tensorflow,jax]" --group dev
	touch $@

clean:
	rm -rf $(VENV) convscope-demo convscope-out
