# Everything that is needed comes from here: the environment, the demo, the tests.
#   make demo            a Gmail on localhost and a daemon that follows it   (DEMO_SECONDS=20 ends by itself)
#   make test            lint, types, import rule and all tests
#   make PYTHON=python3.13 test     with another interpreter
PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV ?= .venv/$(VERSION)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO_SECONDS ?=

.PHONY: demo run-env dev-env test lint types imports tests soak soak-week soak-model mutations accuracy fuzz bench-parse bench-read bench-reading bench-status bench-quota lock clean check-python

demo: run-env
	@$(BIN)/python -m afpd demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS))

test: lint types imports tests

lint: dev-env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: dev-env
	$(BIN)/mypy

imports: dev-env
	$(BIN)/lint-imports

tests: dev-env node-env
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not soak"

# The wall clock of the rehearsals is libfaketime's; without it that one test is left out, and said so.
FAKETIME := $(firstword $(wildcard /usr/lib/*/faketime/libfaketimeMT.so.1))
CLOCK_TEST := tests/soak/test_disk_and_clock.py::test_a_wall_clock_that_jumps_a_day_ahead_and_back

soak: dev-env
	$(if $(FAKETIME),,@echo "make: no libfaketime, so the wall clock will not jump: apt install faketime" >&2)
	$(BIN)/python -m pytest -m soak -s $(if $(FAKETIME),,--deselect $(CLOCK_TEST)) tests/soak

# Parts of `make soak` by themselves: a bad week of 200 mailboxes, and 5,000 generated stories of one.
soak-week: dev-env
	$(BIN)/python -m pytest -m soak -s tests/soak/test_week.py

soak-model: dev-env
	$(BIN)/python -m pytest -m soak -s tests/soak/test_model_soak.py

# Break each rule that a trap stands for, and see its test fail: make mutations TRAPS="3 11"
mutations: dev-env
	PYTHONPATH=tests $(BIN)/python -m traps.mutations $(TRAPS)

bench-read: dev-env
	$(BIN)/python tests/banks/table.py

# How exactly mails are read with other values in other forms: make accuracy ACCURACY="--seed 7 --bank cr- --show 40"
accuracy: dev-env
	PYTHONPATH=tests $(BIN)/python -m banks.accuracy $(ACCURACY)

# Mails that nobody would write: make fuzz FUZZ="--count 20000 --seed 3"
fuzz: dev-env
	PYTHONPATH=tests $(BIN)/python -m bench.fuzz $(FUZZ)

bench-reading: dev-env
	PYTHONPATH=tests $(BIN)/python -m bench.reading

# Reading beside the usual way (json, email, BeautifulSoup, re), and the worst template on hostile texts.
bench-parse: dev-env
	PYTHONPATH=tests $(BIN)/python -m bench.parsing

bench-quota: dev-env
	$(BIN)/python tests/bench/quota.py
	$(BIN)/python tests/bench/quota_real.py

bench-status: dev-env
	$(BIN)/python tests/bench/status_latency.py

# Resolve again: newest versions that fit pyproject.toml, for every Python and platform, with hashes and no addresses.
lock: dev-env
	$(PIP) install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --quiet \
	    pyproject.toml --group build -o requirements/run.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade --quiet \
	    pyproject.toml --group build --group dev -c requirements/run.txt -o requirements/dev.txt

clean:
	rm -rf .venv $(NODE) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

run-env: $(VENV)/.run
dev-env: $(VENV)/.dev

$(VENV)/.run: requirements/run.txt pyproject.toml | check-python
	@test -x $(BIN)/python || $(MAKE) --no-print-directory venv PYTHON=$(PYTHON)
	$(PIP) install --quiet --require-hashes -r requirements/run.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

# Google's client for Node, and an independent Gmail-like server: the second opinions of tests/second_opinions.
NODE := tests/second_opinions/node_modules
.PHONY: node-env
node-env: $(if $(shell command -v npm 2>/dev/null),$(NODE)/.made)

$(NODE)/.made: tests/second_opinions/package.json tests/second_opinions/package-lock.json
	@cd tests/second_opinions && npm ci --silent --ignore-scripts && touch node_modules/.made || \
	  echo "make: npm could not install the packages of tests/second_opinions: their tests will be skipped" >&2

.PHONY: venv
venv:
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "make: $(PYTHON) has no venv: install it (Debian, Ubuntu: apt install python3-venv), or choose another" \
	       "interpreter with make PYTHON=…" >&2; exit 1; }

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make: afpd needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1 || echo not there):" \
	       "choose another with make PYTHON=…" >&2; exit 1; }
