# make demo | run | test | check | clean. Nothing but git, make and Python 3.11 is needed first.
PORT ?= 8000
DATA ?= var
STEPS ?=
ONCE ?=
PYTEST ?=
# One test process more than there are cores, for many tests wait for servers and browsers; four are enough.
WORKERS = $(shell .venv/bin/python -c 'import os; print(min(4, len(os.sched_getaffinity(0)) + 1))')

CLIENT ?= 2.4.0
WITHOUT_XET ?=
ONLY ?=

.PHONY: help setup setup-dev demo run test check lint compat clean messages

help:
	@echo "make demo            set up, run the whole loop on real parts, leave the site running"
	@echo "make demo ONCE=1     the same, then stop; writes var/demo-report.json (STEPS=200 trains shorter)"
	@echo "make run             run the site without the demo (PORT=8000 DATA=var)"
	@echo "make test            set up and run every test (PYTEST='tests/hub -q' for some)"
	@echo "make check           linters, types, migrations, architecture"
	@echo "make lint            linters and types alone"
	@echo "make compat          the stock client's own live tests against a fresh site (CLIENT=1.29.0 WITHOUT_XET=1 ONLY=tests/test_x.py)"
	@echo "make messages        collect texts to translate into locale/ (needs gettext)"
	@echo "make clean           remove the environment and all data"

setup:
	@sh scripts/setup.sh requirements.txt

setup-dev:
	@sh scripts/setup.sh requirements-dev.txt

demo: setup
	@.venv/bin/python -m demo --port $(PORT) --data $(DATA) $(if $(STEPS),--steps $(STEPS)) $(if $(ONCE),--once)

run: setup
	@.venv/bin/python -m config.supervisor --port $(PORT) --data $(DATA)

test: setup-dev
	@.venv/bin/python -m pytest $(if $(PYTEST),$(PYTEST),-n $(WORKERS) --dist loadfile --no-loadscope-reorder)

lint: setup-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

check: lint
	.venv/bin/python -m pytest -q tests/test_architecture.py tests/common/test_project.py

compat: setup-dev
	@.venv/bin/python -m tests.compat --client $(CLIENT) $(if $(WITHOUT_XET),--without-xet) $(if $(ONLY),--only $(ONLY))

messages:
	.venv/bin/python manage.py makemessages --locale zh_Hans --no-location --ignore .venv --ignore var

clean:
	@.venv/bin/python -m config.embedded.remove $(DATA) 2>/dev/null || true
	rm -rf var .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
