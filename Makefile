# What a person or CI runs. Everything happens in .venv, which `make setup` makes.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Two test processes with one thread each are faster here than one with two, and never fight over cores.
JOBS ?= 2
export OMP_NUM_THREADS ?= 1
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

.PHONY: setup demo test test-slow test-network proofs check format clean

setup: $(STAMP)

$(STAMP): pyproject.toml requirements/constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --disable-pip-version-check \
		-c requirements/constraints.txt -e '.[dev,train,ray,usd]'
	touch $@

demo: setup
	env -u OMP_NUM_THREADS $(BIN)/shapewright generate "a wooden chair" --seed 0 \
		--output chair.glb --preview chair.png

test: setup
	$(PYTEST) -m "not slow and not network and not proofs"

test-slow: setup
	$(PYTEST) -m "slow and not network"

test-network: setup
	$(PYTEST) -m network

# Other people's programs look at our files. Blender, USD and the npm packages are installed here; Chromium and
# PrusaSlicer come from Debian. What is not installed is a failure that names what to install.
PROGRAMS := tests/proofs/programs
PROOFS := .proofs

proofs: setup $(PROOFS)/.installed
	$(BIN)/python -m pytest tests/proofs -m proofs --no-skips

$(PROOFS)/.installed: $(addprefix $(PROGRAMS)/,requirements.txt package.json package-lock.json)
	test -x $(PROOFS)/venv/bin/python || $(PYTHON) -m venv $(PROOFS)/venv
	$(PROOFS)/venv/bin/python -m pip install -qq --disable-pip-version-check -r $(PROGRAMS)/requirements.txt
	cp $(PROGRAMS)/package.json $(PROGRAMS)/package-lock.json $(PROGRAMS)/.npmrc $(PROOFS)
	npm ci --prefix $(PROOFS) --no-audit --no-fund
	touch $@

check: setup
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/lint-imports
	$(BIN)/pyright

format: setup
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

clean:
	rm -rf build dist .pytest_cache .ruff_cache .import_linter_cache chair.glb chair.png
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
