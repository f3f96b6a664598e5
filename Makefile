SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV ?= .venv
export VENV PYTHON
# Whoever has it set compiles every module of every program that a test starts.
unexport PYTHONDONTWRITEBYTECODE
PROGRAMS := $(VENV)/bin
# Where the tests are that need the machine for themselves: looking everywhere takes as long as one of them.
ALONE := tests/e2e/test_failover.py tests/integration/failover

.PHONY: help demo test lint bench failover chaos rolling install clean

help: ## say what can be done here
	@echo "make VERB, where VERB is"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## run a call on this machine: installs what it needs, then prints a link to open
	@.ci/environment embedded
	@.ci/needs mongod
	@$(PROGRAMS)/callplane up $(ARGS)

test: install ## run every check and every test: installs what they need
	@$(MAKE) --no-print-directory quick
	@# What needs the machine for itself waits most of the time: types are checked beside it, behind everything else.
	@nice -n 19 $(PROGRAMS)/mypy >$(VENV)/types.log 2>&1 & types=$$!; trap 'kill $$types 2>/dev/null' EXIT; \
		[ -n "$(ARGS)" ] || $(PROGRAMS)/python -m pytest -m alone $(ALONE) || exit; \
		wait $$types || { cat $(VENV)/types.log; exit 1; }; tail -n 1 $(VENV)/types.log
	@$(PROGRAMS)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 \
		$(ARGS)

lint: ## run the checks that start nothing
	@.ci/environment embedded,dev
	@$(MAKE) --no-print-directory checks

bench: install ## measure join and offer beside the bare round trip
	@$(PROGRAMS)/python -m bench $(ARGS)

failover: install ## kill media servers under live calls and in browsers: the part of `make test` that runs alone
	@$(PROGRAMS)/python -m pytest -m alone $(ALONE) $(ARGS)

chaos: install ## end wrappers at every single call on both engines (45 minutes), kill everything for 40, and 40 on clusters (see docs/chaos.md)
	@$(PROGRAMS)/python -m pytest -m 'clusters or long' $(ARGS)
	@FAULTS=all $(PROGRAMS)/python -m pytest -m 'not alone' tests/faults tests/model tests/integration/bus/test_cluster.py \
		tests/integration/test_broker_nodes.py tests/integration/api/test_conformance.py $(ARGS)
	@CHAOS_BROKERS=1 CHAOS_MONGODS=1 $(PROGRAMS)/python -m tests.chaos
	@CHAOS_BROKERS=2 CHAOS_MONGODS=3 $(PROGRAMS)/python -m tests.chaos

rolling: install ## replace every api and wrapper under 20 live calls, as the manifests say (ARGS=--mixed: by N+1)
	@$(PROGRAMS)/python -m bench.rolling $(ARGS)

install: ## install what tests and benches need, without running them
	@.ci/environment embedded,dev
	@.ci/needs mongod rabbitmq chromium firefox coturn prometheus npm

clean: ## remove the virtual environment and every cache
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: checks quick
checks: quick
	@$(PROGRAMS)/mypy
quick:
	@$(PROGRAMS)/ruff check --quiet .
	@$(PROGRAMS)/ruff format --quiet --check .
	@$(PROGRAMS)/lint-imports --no-cache >$(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
