# `make demo` and `make test` set everything up on a machine that has Python 3.11 to 3.13, git and make; nothing else is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-fast test-slow lint wheel clean

setup: $(STAMP)

# uv installs in seconds. It does not read pip's configuration, so the index that pip is set up for, if any, is handed on.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	index=$${UV_DEFAULT_INDEX:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null || true)}; \
	  if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi; \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --group dev --editable .
	touch $(STAMP)

# The main job on real data: two public datasets from raw material to a release. A second run does nothing.
demo: $(STAMP)
	$(BIN)/lakehouse check
	$(BIN)/lakehouse run
	$(BIN)/lakehouse release reviews newsgroups reviews_heldout
	$(BIN)/lakehouse status

# Tests run on so many processes at a time, a file on one, so that what a file sets up is set up once; long files come first (tests/conftest.py).
WORKERS ?= 2
PYTEST = unset PYTHONDONTWRITEBYTECODE; NUMBA_CACHE_DIR=$${NUMBA_CACHE_DIR:-$(CURDIR)/.numba_cache} $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# The tiers: docs/testing.md.
test: $(STAMP)
	$(PYTEST) -m "not slow"

test-fast: $(STAMP)
	$(PYTEST) -m "not slow and not line"

test-slow: $(STAMP)
	$(PYTEST) -m "slow or hypothesis" --hypothesis-profile ci --durations 40

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel: $(STAMP)
	$(BIN)/uv build --wheel --out-dir dist

clean:
	rm -rf $(VENV) dist build .numba_cache
