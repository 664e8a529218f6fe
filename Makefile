# setup  the command psci in .venv, and nothing else: about a minute
# demo   set everything up, judge two real implementations for a short time, print one table
# test   set up and run the tests, a file at a time on each processor
# check  lint and types
# site   the documentation as pages to read in a browser, in build/site
# clean  remove what the other targets made in this folder
#
# A fresh Debian 12 with python3, python3-venv, git, gcc and make is enough. Every target can be repeated.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
STRICT := build/strict

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.DELETE_ON_ERROR:
.PHONY: setup demo test check clean lint types peers site

setup: $(READY)
	@$(BIN)/psci

demo: $(READY)
	@$(BIN)/python -m psci.cli.demo $(DEMO)

test: $(READY)
	$(BIN)/pytest -n auto --dist loadfile $(TESTS)

check: lint types

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# A strict editable install is the one kind in which every module has its real name on disk, so that mypy sees them all.
# It does not see files made later, so it is made anew each time, beside the environment that people work in.
types: $(READY)
	@rm -rf $(STRICT) build/__editable__.*
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --ignore-installed --prefix $(STRICT) \
	    --config-settings editable_mode=strict --editable .
	$(BIN)/python tests/quality/strict_types.py $(STRICT)

peers: $(READY)
	$(BIN)/psci peers install

# The stamp is the last thing made: an interrupted installation is made again.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "make: $(PYTHON) is older than 3.11: give another, as in 'make PYTHON=python3.12 $(MAKECMDGOALS)'" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "make: no virtual environment can be made: install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --constraint constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@

site: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[docs]'
	$(BIN)/python -m psci.cli.site

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
