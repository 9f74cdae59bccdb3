# Everything a newcomer needs: `make demo`, `make test`, `make lint`, `make bench`.
# Wants python3 (3.11 or newer, with venv), make and git; nothing is installed outside .venv. The page of the dashboard
# wants Node besides (see ui/package.json), which fetches into ui/node_modules; without it all else is there.

PYTHON ?= python3
# Many tests wait for processes and pauses, so that two processors have work for three jobs.
JOBS ?= 3
BENCHES ?= overhead makespan crash world replay planners providers fleet fleet-drills fleet-speed optimiser dashboard

# The tests start some hundred processes; without bytecode each would compile what it imports anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
READY := .venv/.ready
BENCH_FOLDER := build/bench
UV := uv==0.13.9

PAGE := src/orrery/dashboard/page/single.js
MODULES := ui/node_modules/.ready
PAGE_SOURCES := $(shell find ui -mindepth 1 -path ui/node_modules -prune -o -print)
# What npm says where it is not the page that is at fault: no network, or a Node that is too old.
UNABLE := EAI_AGAIN|ENOTFOUND|ENOTCACHED|ECONN[A-Z]*|E(NET|HOST)UNREACH|E[A-Z]*TIMEDOUT|ERR_SOCKET_TIMEOUT|E50[0-9]|EBADENGINE

.DEFAULT_GOAL := help
.PHONY: help setup demo ui test programs lint bench lock clean
.DELETE_ON_ERROR:

help:  ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s  %s\n", $$1, $$2 }' Makefile

setup: $(READY)  ## create .venv from the lock, with Orrery in it

demo: setup  ## run a real workflow over this repository
	@$(BIN)/orrery demo

ui: $(PAGE)  ## build the page of the dashboard, which needs Node

test: setup programs $(MODULES)  ## run the tests; JOBS=n of them at a time
	@test ! -e $(MODULES) || { $(MAKE) --no-print-directory ui && npm --prefix ui test -- --reporter=dot; }
	$(BIN)/pytest -n $(JOBS) --dist loadgroup

# The tests of the live display read a real terminal back, and those of MQTT start a broker of their own (never is one
# used that the system runs). The page of the dashboard is built by Node and tried in a browser. Without these programs
# they are skipped, and say so. A program whose package is called otherwise names it behind a colon.
programs:
	@for wanted in tmux mosquitto node:nodejs npm chromium; do \
	    program=$${wanted%:*}; package=$${wanted#*:}; \
	    if command -v $$program > /dev/null || test -x /usr/sbin/$$program; then continue; fi; \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	        { apt-get install --yes --quiet $$package || { apt-get update --quiet && apt-get install --yes --quiet $$package; }; } \
	            > /dev/null 2>&1 || echo "$$program could not be installed: its tests will be skipped" >&2; \
	    else echo "there is no $$program: its tests will be skipped" >&2; fi; \
	done

lint: setup $(MODULES)  ## check style, format, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	@test ! -e $(MODULES) || npm --prefix ui run --silent check

bench: setup  ## measure; one JSON file for each benchmark in build/bench
	@mkdir -p $(BENCH_FOLDER)
	@missed=""; \
	for name in $(BENCHES); do \
	    echo "bench $$name"; \
	    $(BIN)/orrery bench $$name --json > $(BENCH_FOLDER)/$$name.json || missed="$$missed $$name"; \
	done; \
	test -z "$$missed" || { echo "missed its target:$$missed (see $(BENCH_FOLDER))" >&2; exit 1; }

# The lock must not know where its packages were fetched from, only which they are.
lock: setup  ## choose the newest allowed version of every dependency
	$(BIN)/python -m pip install --quiet $(UV)
	$(BIN)/uv pip compile pyproject.toml --extra all --group dev --output-file requirements.lock --upgrade \
	    --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --quiet --custom-compile-command "make lock"

clean:  ## remove everything that make made; your runs in .orrery stay
	rm -rf ui/node_modules $(dir $(PAGE))
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests examples -name __pycache__ -type d -prune -exec rm -rf {} +

# Both questions have one-line answers, so they are asked before pip can fail with a long one.
$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Orrery needs Python 3.11 or newer, but $(PYTHON) is `$(PYTHON) --version 2>&1`." >&2; \
	    echo "Name another one: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
	    echo "$(PYTHON) cannot create virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	    exit 1; }
	@$(BIN)/python -c 'import pip' 2> /dev/null || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Where there is no Node, or no network, a line says so and no file is made: `make ui` fails, lint and test go on.
$(MODULES): ui/package.json ui/package-lock.json ui/.npmrc
	@rm -f $@; mkdir -p build; \
	if ! command -v node > /dev/null || ! command -v npm > /dev/null; then \
	    echo "there is no Node with npm: the page of the dashboard is neither built nor checked" >&2; \
	elif (cd ui && npm ci) > build/npm.log 2>&1; then touch $@; \
	elif code=`grep -Eo "^npm (error|ERR!) code ($(UNABLE))$$" build/npm.log`; then \
	    echo "npm cannot install what builds the page of the dashboard ($${code##* }, see build/npm.log):" \
	        "it is neither built nor checked" >&2; \
	else cat build/npm.log >&2; exit 1; fi

# The last file that a build writes stands for all of them.
$(PAGE): $(MODULES) $(PAGE_SOURCES)
	@test -e $(MODULES)
	npm --prefix ui run --silent build
