# Two commands do everything on a fresh machine with git, make and Python >= 3.11:
#   make demo       sets up and runs the main job
#   make test       sets up and runs the tests: the first backend, and on the others how signals are projected
# For changes to convscope:
#   make lint       format, lint, types, the import contract, the generated pages
#   make matrix     the long cases, and all rooms that compute on the other backends
#   make check-all  lint, test and matrix: what CI runs
#   make docs       writes the generated pages again
#   make site       makes the site of the documentation: build/site/index.html
#   make clean      removes the environment and what the demo wrote
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test matrix check-all lint docs site clean help

demo: $(READY)
	$(BIN)/convscope demo

test: $(READY)
	$(BIN)/python tools/run_tests.py

matrix: $(READY)
	$(BIN)/python tools/run_tests.py --matrix

check-all: lint test matrix

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/make_docs.py --check

docs: $(READY)
	$(BIN)/python tools/make_docs.py

site: $(READY)
	$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/python tools/make_site.py

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[tensorflow,jax]" --group dev
	touch $@

clean:
	rm -rf $(VENV) build convscope-demo convscope-out

help:
	@sed -n 's/^# \( *\)/\1/p' Makefile
