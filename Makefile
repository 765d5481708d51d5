# make run: the benchmark, from nothing. make test: everything that must hold. Both set up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test test-slow check format clean

run: $(READY)
	$(BIN)/genai-bench run --all

# what is measured has the machine to itself, after the rest
test: $(READY) check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" -q -n 3 --dist worksteal --benchmark-disable --ignore tests/performance
	$(BIN)/python -m pytest -m "not slow" -q tests/performance

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow -q

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("genai-bench needs Python 3.11 or newer, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(READY)

clean:
	rm -rf $(VENV) runs dist
