# Everything a developer or an operator does with Corral. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Which Python makes .venv, when there is none yet.
PYTHON ?= python3
export PYTHON
BIN := .venv/bin
# What `pytest -n` gets: one test process per core of a small machine.
TEST_PROCESSES ?= 2
# More words for pytest: make test ARGS="-k claim"
ARGS ?=
COMPOSE ?= docker compose
DEV ?= 0
DEMO := $(BIN)/python -m infra.local.demo
SYNCED := .venv/.synced-dev

##@ Run Corral

.PHONY: demo
demo: ## Run all of it on this machine, with nothing but Python (DETACH=1: in the background)
	@infra/local/setup.sh demo
	@exec $(DEMO) up $(if $(filter-out 0,$(DETACH)),--detach)

.PHONY: demo-down
demo-down: ## End what `make demo` started
	@$(PYTHON) -m infra.local.demo down

.PHONY: up
up: ## Build and start the containers, wait until they are healthy (DEV=1: for developers)
	@DEV=$(DEV) infra/compose/up.sh

.PHONY: down
down: ## Stop and remove the containers; the data stay
	$(COMPOSE) down --remove-orphans

.PHONY: logs
logs: ## Follow the containers' logs
	$(COMPOSE) logs --follow --tail 100

.PHONY: build
build: ## Build the images
	$(COMPOSE) build

.PHONY: migrate
migrate: ## Bring the containers' database to the newest schema
	$(COMPOSE) run --rm migrate

.PHONY: doctor
doctor: ## Look for what is wrong with the demo if it runs, else with the containers
	@if $(DEMO) running 2>/dev/null; then $(DEMO) doctor; \
	elif command -v docker >/dev/null; then $(COMPOSE) exec app corral doctor; \
	else echo "doctor: no demo runs here, and there is no Docker; make demo starts one" >&2; exit 1; fi

##@ Develop

.PHONY: setup
setup: ## Make .venv with everything a developer needs (uv comes from PyPI)
	@infra/local/setup.sh dev
	@touch $(SYNCED)

# The same, but only when the lock file is newer than the last time.
$(SYNCED): uv.lock pyproject.toml
	@infra/local/setup.sh dev
	@touch $@

.PHONY: format
format: $(SYNCED) ## Format the code, and repair what the linter can
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: lint
lint: $(SYNCED) ## Check style and format, changing nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(SYNCED) ## Check the types
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases --package infra.local

.PHONY: imports
imports: $(SYNCED) ## Check who imports whom
	$(BIN)/lint-imports

##@ Test

PYTEST := $(BIN)/pytest -n $(TEST_PROCESSES) --dist loadgroup --ignore tests/e2e --durations 15

.PHONY: test
test: setup ## Run all tests but e2e, on a real MariaDB and Redis (both are installed if missing)
	@infra/local/setup_test.sh
	$(PYTEST) $(ARGS)

.PHONY: coverage
coverage: setup ## Run the tests and measure what they reach
	@infra/local/setup_test.sh
	$(PYTEST) --cov --cov-report term-missing:skip-covered $(ARGS)
	$(BIN)/coverage report --include 'backend/core/*,worker/*' --fail-under 100 --format total

.PHONY: sure
sure: format lint types imports coverage ## Be sure before you commit: all of the above

.PHONY: e2e
e2e: setup ## Run the tests that need Docker
	$(BIN)/pytest tests/e2e --durations 15 $(ARGS)

.PHONY: bench
bench: setup ## Measure Corral's overhead over its upstream (PEER=litellm: beside LiteLLM's proxy)
	@infra/local/setup_test.sh
	$(BIN)/python -m infra.bench.run $(if $(PEER),--peer $(PEER)) $(ARGS)
	$(if $(ARGS),,$(BIN)/python -m infra.bench.embeddings)

.PHONY: bench-embed
bench-embed: setup ## Measure what joining embedding requests brings (ARGS: --rounds, --only)
	@infra/local/setup_test.sh
	$(BIN)/python -m infra.bench.embeddings $(ARGS)

.PHONY: bench-memory
bench-memory: setup ## Measure the memory of API and worker: many streams, many jobs
	@infra/local/setup_test.sh
	$(BIN)/python -m infra.bench.memory

##@ Tidy up

.PHONY: clean
clean: ## Remove caches and measurements; .venv, .env, .demo and the bench's peer stay
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis .coverage* dist .bench/*.json
	find backend worker frontend infra tests -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help
help: ## Show this list
	@awk -f infra/local/help.awk $(MAKEFILE_LIST)
