# The project's commands; `make help` lists them. A fresh machine needs Python 3.11 or newer, make and a package index.
#
#   make setup PYTHON=python3.12    another interpreter than python3
#   make test JOBS=8                more test processes than two

PYTHON ?= python3
JOBS ?= 2

BIN := .venv/bin
STAMP := .venv/.installed
# The constraints bind what builds the project, too; the second name is that of pip 25.3 and newer.
PIP_ENV := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_ROOT_USER_ACTION=ignore
PIP := $(PIP_ENV) $(BIN)/python -m pip --disable-pip-version-check --no-input
# One thread for each test process, so that they don't fight over cores.
TEST := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest
NEEDS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup browser run test test-fast check format bench-speed clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Make .venv and install the project with pinned versions (the other commands do it when needed)
	@echo "The environment is ready: .venv"

$(STAMP): pyproject.toml constraints.txt
	@[ -x $(BIN)/python ] || $(PYTHON) -c '$(NEEDS)' 2>/dev/null || { \
	  echo "This project needs Python 3.11 or newer with its venv module, and $(PYTHON) is" \
	       "$$(command -v $(PYTHON) >/dev/null && $(PYTHON) --version 2>&1 || echo 'not there')." >&2; \
	  echo "Install one (on Debian: python3 and python3-venv), or name it: make setup PYTHON=python3.12" >&2; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (a few minutes the first time) …"
	@$(PIP) install -qq --progress-bar off --editable '.[dev]'
	@touch $@

run: $(STAMP) ## Run all methods with three seeds on the built-in suite
	$(BIN)/bench run --methods all --seeds 3

browser: $(STAMP) ## Install Chromium for the browser tests, where it is missing and can be (as root on Debian)
	@[ -x /usr/bin/chromium ] || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  echo "Installing Chromium for the browser tests …" && apt-get update -qq >/dev/null 2>&1 && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null 2>&1; } || \
	  echo "Chromium can't be installed here: the browser tests are skipped."

test: check browser ## Run the checks, then all tests
	$(TEST) -n $(JOBS) --dist worksteal

test-fast: $(STAMP) ## Run the tests that are neither slow nor need a browser
	$(TEST) -n $(JOBS) --dist worksteal -m "not slow and not browser"

check: $(STAMP) ## Check format, lint rules and types
	$(BIN)/ruff format --check --quiet . || { echo "make format fixes this" >&2; exit 1; }
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy

format: $(STAMP) ## Format the code and fix what the linter can
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench-speed: $(STAMP) ## Measure speed (tests/speed): one process, nothing beside it
	$(BIN)/python -m pytest --benchmark-only -p no:xdist --timeout 0 tests/speed

clean: ## Remove caches and build leftovers; .venv and mlruns stay
	rm -rf build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
