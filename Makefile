# The two commands are `make run` and `make test`. Everything they need is installed here, from the lock files.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= ./data

.PHONY: run test check lint types floors format docs pictures cluster chaos browser bench bench-log bench-insights bench-many crash lock clean

run: $(VENV)/.installed ## start Parcelhook with a merchant beside it and watch webhooks arrive
	$(BIN)/parcelhook demo --data $(DATA)

test: $(VENV)/.installed-browser ## run every test
	$(BIN)/python -m pytest -q

check: lint types floors test ## what .ci/run runs

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

floors: $(VENV)/.installed-dev
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-dev ## write the generated pages anew
	$(BIN)/python docs/generate.py

cluster: $(VENV)/.installed-dev ## a small real cluster on this machine: PostgreSQL, three of NATS, five nodes
	PYTHONPATH=tests $(BIN)/python deploy/cluster.py

ROUNDS ?= 40
chaos: $(VENV)/.installed-dev ## the long run of kills, pauses and cuts in a cluster under load; counts what was lost
	PARCELHOOK_TEST_CHAOS=$(ROUNDS) $(BIN)/python -m pytest -q -s tests/cluster/test_chaos.py --timeout 3600

crash: $(VENV)/.installed-dev ## the long run of kill -9 under load
	PARCELHOOK_TEST_KILLS=40 $(BIN)/python -m pytest -q tests/flows/test_crash.py --timeout 1800

pictures: $(VENV)/.installed-browser ## take the pictures of the dashboard anew
	PYTHONPATH=tests $(BIN)/python docs/dashboard_pictures.py

browser: $(VENV)/.installed-browser ## install what the dashboard's tests need: Chromium, axe-core, TypeScript

bench: $(VENV)/.installed-bench ## measure speed, isolation and memory on loopback; writes the table of docs/performance.md
	$(BIN)/python bench/run.py --write docs/performance.md

LINES ?= 1000000
bench-log: $(VENV)/.installed ## measure the dashboard on a long log; writes its table of docs/performance.md
	$(BIN)/python bench/log_page.py --lines $(LINES) --write docs/performance.md

bench-insights: $(VENV)/.installed ## measure the insights over ten million attempts; writes their table of docs/performance.md
	$(BIN)/python bench/insights.py --write docs/performance.md

bench-many: $(VENV)/.installed-dev ## measure PostgreSQL and JetStream beside the embedded store; writes its table of docs/performance.md
	PYTHONPATH=tests $(BIN)/python bench/many_machines.py --write docs/performance.md

$(VENV)/bin/python: # Debian keeps venv in a package of its own
	$(PYTHON) -m venv $(VENV) || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq python3-venv \
		&& $(PYTHON) -m venv $(VENV); }

$(VENV)/.installed: $(VENV)/bin/python requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	touch $@

# The tests of the dashboard drive Debian's Chromium. Only where it cannot be had they are skipped, and say so.
$(VENV)/.installed-browser: $(VENV)/.installed-dev tests/dashboard/package-lock.json
	cd tests/dashboard && $(CURDIR)/$(BIN)/npm ci --silent --ignore-scripts --no-audit --no-fund
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
		then apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; \
		else echo "No Chromium here: the dashboard is not tested in a browser. Install the package chromium, then run make test again."; fi
	touch $@

$(VENV)/.installed-bench: $(VENV)/.installed requirements-bench.lock
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-bench.lock
	@command -v redis-server >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq \
		&& apt-get install -y -qq --no-install-recommends redis-server; } \
		|| echo "redis-server cannot be installed here; the Celery comparison will be skipped"
	touch $@

lock: $(VENV)/bin/python ## pin anew what is used
	$(BIN)/pip install --quiet --disable-pip-version-check pip-tools
	$(BIN)/pip-compile -q --no-emit-index-url --no-emit-find-links --strip-extras -o requirements.lock pyproject.toml
	$(BIN)/pip-compile -q --no-emit-index-url --no-emit-find-links --strip-extras --extra dev -o requirements-dev.lock pyproject.toml
	$(BIN)/pip-compile -q --no-emit-index-url --no-emit-find-links --strip-extras --extra bench -o requirements-bench.lock pyproject.toml

clean:
	rm -rf $(VENV) tests/dashboard/node_modules build dist *.egg-info src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
