# MRIEnhance from nothing: every target first sets up what it needs in .venv. `make` alone lists them.
# Other places and interpreters: make test VENV=/some/where PYTHON=python3.12

PYTHON ?= python3
VENV   ?= .venv
PYTEST ?=

LIB := MRIEnhanceLib
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c $(LIB)/constraints.txt

# An installation is repeated when what it follows from has changed.
INSTALL_INPUTS := $(LIB)/pyproject.toml $(LIB)/constraints.txt
USE := $(VENV)/.installed-all
DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help demo test system lint format bench screenshots wheel clean distclean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(USE) ## super-resolve a scan, reconstruct raw data: images, figures and a table in demo/
	$(BIN)/mrienhance demo --output demo

test: system $(DEV) lint ## style, types, tests, and the examples in the documentation
	$(BIN)/python -m pytest -q $(PYTEST)

system: # what pip cannot install must be there
	@sh .ci/system "$(PYTHON)"

lint: $(DEV) ## style and types only
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(DEV) ## mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

screenshots: $(DEV) ## the pictures of the panels in Resources/Screenshots
	MRIENHANCE_SCREENSHOTS=1 $(BIN)/python -m pytest -q Testing/slicer/test_panel_extras.py Testing/slicer/test_reconstruct_real.py Testing/slicer/test_synthesize_real.py -k picture

bench: $(USE) ## what the shipped models cost: seconds, memory, share of this machine's speed
	for file in Testing/benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

wheel: $(DEV) ## build the wheel into dist/
	$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist ./$(LIB)

clean: ## remove results and caches
	rm -rf demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find $(LIB) MRIEnhance Testing -type d -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## remove the environment as well
	rm -rf $(VENV)

$(VENV)/.installed-%: $(INSTALL_INPUTS)
	@sh .ci/venv "$(PYTHON)" "$(VENV)"
	$(PIP) -e "./$(LIB)[$*]"
	@touch $@
