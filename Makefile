# make run: the benchmark, from nothing. make test: everything that must hold. make docs: the documents as a site. Each
# sets up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Which torch goes into .venv: arguments of `pip install`, that is a requirement and, where needed, the index or the
# wheel to take it from. If TORCH is empty, a torch that $(PYTHON) has already is used from where it is; if there is
# none, the version in constraints.txt is installed, which on Linux is the build for CUDA. After .venv is set up,
# `make clean` has to come before another choice.
#     make run TORCH="torch==2.13.0 --index-url URL"     URL: the CPU index at pytorch.org/get-started
#     make run TORCH=torch                               the newest, even where $(PYTHON) has one
TORCH ?=

# The folder that holds the torch of $(PYTHON), or nothing if there is none, if it is older than pyproject.toml allows,
# or if it has no metadata (then a traceback says so). Other packages in that folder are used too where they are new
# enough; the tools that `make check` calls by their path in .venv are installed in any case.
TORCH_FOLDER = $(PYTHON) -c 'import importlib.metadata, importlib.util, os; \
	found = importlib.util.find_spec("torch"); \
	version = importlib.metadata.version("torch").split(".")[:2] if found else (0, 0); \
	print(os.path.dirname(os.path.dirname(found.origin)) if tuple(map(int, version)) >= (2, 6) else "")'

.PHONY: run test test-shared test-slow measure-slow check format docs clean

run: $(READY)
	$(BIN)/genai-bench run --all

# Several processes share the tests, and each imports all of them: compiled once, they are kept for the next.
unexport PYTHONDONTWRITEBYTECODE
SHARED := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 3 --dist worksteal --benchmark-disable --ignore tests/performance

# The type checker uses one core and runs beside the tests; what is measured has the machine to itself, after the rest.
test: $(READY)
	$(MAKE) --no-print-directory -j 2 check test-shared
	$(BIN)/python -m pytest -m "not slow" -q tests/performance

test-shared: $(READY)
	$(SHARED) -m "not slow"

test-slow: $(READY)
	$(SHARED) -m slow

# speed and memory at full size, on a machine that does nothing else
measure-slow: $(READY)
	$(BIN)/python -m pytest -m slow -q tests/performance

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The documents as a site in dist/site, whose pages open without a server; searching them needs one:
#     .venv/bin/python -m http.server -d dist/site
# The variable turns off a notice that the theme prints (docs/decisions/0037).
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("genai-bench needs Python 3.11 or newer, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@set -e; \
	folder="$$($(TORCH_FOLDER) || true)"; \
	if [ -n "$(TORCH)" ]; then \
		sed '/^torch==/d' constraints.txt > $(VENV)/constraints.txt; \
		echo 'installing $(TORCH)'; \
		$(PIP) -c $(VENV)/constraints.txt $(TORCH); \
	elif [ -n "$$folder" ]; then \
		sed '/^torch==/d' constraints.txt > $(VENV)/constraints.txt; \
		echo "using the torch in $$folder"; \
		$(PIP) ruff mypy import-linter; \
		site="$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; \
		echo "import site; site.addsitedir('$$folder')" > "$$site/installed-torch.pth"; \
	else \
		cp constraints.txt $(VENV)/constraints.txt; \
		echo "installing $$(grep '^torch==' constraints.txt)"; \
		$(PIP) -c $(VENV)/constraints.txt torch; \
	fi
	$(PIP) -c $(VENV)/constraints.txt -e ".[dev]"
	touch $(READY)

clean:
	rm -rf $(VENV) runs dist
