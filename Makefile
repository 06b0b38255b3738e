# Everything here needs only GNU make (3.81 or later), a POSIX shell and Python >= 3.11 with pip.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# Another Python: make run PYTHON=python3.13
PYTHON :=
# Coverage would make the schedules of the safety state machine and the fuzz three times slower, so they run without it.
USUAL = not soak and not hardware
# Tests of whole processes: coverage would only slow those down, and they keep real time.
PROCESSES := tests/cli tests/processes tests/bench
# More arguments for pytest, the bench or the demo: make test ARGS="-k layout -x"
ARGS :=

.DEFAULT_GOAL := help
.PHONY: .venv run radio test test-bluez lint bench soak lock help clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[.a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

.venv: $(VENV)/.stamp-editable ## the program in a virtual environment of its own: .venv/bin/devicectl

run: $(VENV)/.stamp-editable ## the dashboard on a simulated pen (without a terminal: 20 s of it as text)
	@if test -t 0 && test -t 1; then exec $(BIN)/devicectl demo $(ARGS); \
	else exec $(BIN)/devicectl demo --seconds 20 $(ARGS); fi

radio: $(VENV)/.stamp-dev ## what devicectl simulate ble needs (and the tests): the virtual radio
	@echo "Try: $(BIN)/devicectl simulate ble"

test: $(VENV)/.stamp-dev ## the tests, with branch coverage of what runs in the tests' own process; with ARGS those alone
ifeq ($(ARGS),)
	$(BIN)/python -m pytest -n 2 -m "$(USUAL) and not schedules and not fuzz" $(PROCESSES:%=--ignore=%) --cov --cov-report=term:skip-covered
	$(BIN)/python -m pytest $(PROCESSES) -n 2 -m "$(USUAL)"
	$(BIN)/python -m pytest tests/schedules tests/faults tests/fuzz -n 2 -m "schedules or fuzz"
else
	$(BIN)/python -m pytest -n 2 -m "$(USUAL)" $(ARGS)
endif

test-bluez: $(VENV)/.stamp-dev ## the BLE stories against the real BlueZ in a virtual machine (Linux; root once)
	$(BIN)/python tests/bluez-vm/run.py $(ARGS)

lint: $(VENV)/.stamp-dev ## style, types and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.stamp-bench ## times and loads, measured on this machine
	$(BIN)/python tests/bench/run.py $(ARGS)

soak: $(VENV)/.stamp-dev ## 200 pen-hours of simulated work with faults across 200 seeds, and the long tests (hours)
	$(BIN)/devicectl soak --hours $(or $(HOURS),1) --seeds $(or $(SEEDS),200) --jobs $(or $(JOBS),2) --out soak-found
	SOAK=1 $(BIN)/python -m pytest tests -m soak --timeout=0 $(ARGS)
	SOAK=1 $(BIN)/python -m pytest tests/fuzz -n 2 -m fuzz --timeout=0
	SCHEDULES=20000 $(BIN)/python -m pytest tests/schedules/test_safety.py -n 2 -m schedules --timeout=0

# The pins that are there are kept as long as pyproject.toml allows them; UPGRADE=1 takes the newest.
UV := .venv-lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
lock: .venv-lock/bin/uv ## the three lock files anew from pyproject.toml (UPGRADE=1: newest versions)
	$(UV) pyproject.toml --group build -o requirements.lock
	$(UV) pyproject.toml --extra simulator-ble --group build --group dev -c requirements.lock -o requirements-dev.lock
	$(UV) pyproject.toml --extra simulator-ble --group build --group dev --group bench -c requirements-dev.lock -o requirements-bench.lock

clean: ## removes what tests and tools left behind
	rm -rf build dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find devicectl drivers simulator tui migrations tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## clean, and the virtual environments too
	rm -rf $(VENV) .venv-lock .bluez-vm

# ---- how the environment is made; a stamp is written last, so what was interrupted is done again

# A broken or missing environment is made; one that works is kept, whoever made it.
$(VENV)/.stamp-made:
	@if ! $(BIN)/python -c '' 2>/dev/null; then \
	  py=; \
	  for candidate in $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11 python3.14); do \
	    if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then py=$$candidate; break; fi; \
	  done; \
	  if test -z "$$py"; then \
	    echo "devicectl needs Python 3.11 or newer and found none: install one (Debian, Ubuntu: sudo apt install python3 python3-venv; macOS: brew install python) and run make again." >&2; exit 1; \
	  fi; \
	  if ! $$py -c 'import venv, ensurepip' 2>/dev/null; then \
	    version=`$$py -c 'import sys; print("%d.%d" % sys.version_info[:2])'`; \
	    echo "Python $$version here cannot make virtual environments: run sudo apt install python3-venv (or python$$version-venv) and then make again." >&2; exit 1; \
	  fi; \
	  echo "Making $(VENV) with `$$py --version`"; \
	  $$py -m venv --clear $(VENV) || { echo "$(VENV) could not be made; the lines above say why." >&2; exit 1; }; \
	fi
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The $(VENV) here was made with a Python older than 3.11: run make distclean and then make again." >&2; exit 1; }
	@touch $@

$(VENV)/.stamp-runtime: requirements.lock $(VENV)/.stamp-made
	@echo "Installing requirements.lock into $(VENV) (only when it changed)"
	@$(PIP) install --require-hashes --no-deps -r requirements.lock || { \
	  echo "The packages could not be installed: check the network (or pip's proxy settings) and run make again." >&2; exit 1; }
	@touch $@

$(VENV)/.stamp-editable: pyproject.toml $(VENV)/.stamp-runtime
	@$(PIP) install --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.stamp-dev: requirements-dev.lock $(VENV)/.stamp-editable
	@echo "Installing requirements-dev.lock into $(VENV) (only when it changed)"
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

$(VENV)/.stamp-bench: requirements-bench.lock $(VENV)/.stamp-dev
	@echo "Installing requirements-bench.lock into $(VENV) (only when it changed)"
	@$(PIP) install --require-hashes --no-deps -r requirements-bench.lock
	@touch $@

.venv-lock/bin/uv:
	@py=`for p in $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11); do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done`; \
	test -n "$$py" || { echo "make lock needs Python 3.11 or newer." >&2; exit 1; }; \
	$$py -m venv .venv-lock
	@.venv-lock/bin/python -m pip --disable-pip-version-check -q install uv
