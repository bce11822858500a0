# On a fresh machine with Python 3.11 or newer, make and git, each target does its own set-up.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: run demo test test-cluster proof proof-history proof-move proof-mirror check lint types layers docs docs-check coverage bench bench-quick bench-peer bench-start bench-workers lock wheel screenshots clean

run: $(VENV)/.run  ## Serve the demo app and print a curl line that works when pasted.
	@$(BIN)/chatmarks serve --dev

demo: $(VENV)/.run  ## Tell the documented story over HTTP and print what a search answers.
	@$(BIN)/chatmarks demo

test: $(VENV)/.dev  ## Run the whole test suite.
	$(BIN)/python -m pytest -n auto

# More with e.g. CLUSTER="--rounds 30 --ways node,postgres,freeze --seed 1 --json figures.json".
test-cluster: $(VENV)/.dev  ## Lose the leader of a real PostgreSQL cluster ten times, and nothing else.
	@tests/cluster/install.sh
	@PYTHONPATH=tests $(BIN)/python -m cluster.failover $(CLUSTER)

# Goes on where it was ended; more with e.g. PROOF="--seed 1 --again" or PROOF="--table --publish".
proof: $(VENV)/.dev  ## Prove the promises of docs/guarantees.md; takes hours, and tells one table.
	@PYTHONPATH=tests $(BIN)/python -m proofs $(PROOF)

# The same, of one part.
proof-%: $(VENV)/.dev
	@PYTHONPATH=tests $(BIN)/python -m proofs $* $(PROOF)

# More with e.g. PROOF="--histories 2000 --first 4000 --seed 1".
proof-history: $(VENV)/.dev  ## Check 10,000 histories of two servers on each engine for an order.
	@PYTHONPATH=tests $(BIN)/python -m histories.proof $(PROOF)

# More with e.g. PROOF="--accounts 1000 --kills 2".
proof-move: $(VENV)/.dev  ## Move 20,000 accounts between servers, with five kills, and compare them.
	@PYTHONPATH=tests $(BIN)/python -m remote.proof $(PROOF)

# More with e.g. MIRROR="--away 60 --accounts 200 --rate 150".
proof-mirror: $(VENV)/.dev  ## Let the other server of a mirror be away for a minute, under writes.
	@PYTHONPATH=tests $(BIN)/python -m mirror.proof $(MIRROR)

check: lint types layers docs-check coverage  ## Everything that must be green before a commit.

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports

coverage: $(VENV)/.dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

docs: $(VENV)/.run  ## Write the generated documents anew.
	$(BIN)/python tools/compatibility.py > docs/compatibility.md
	$(BIN)/python tools/profiles.py > docs/profiles.md
	$(BIN)/python tools/tables.py > src/chatmarks/engines/tables.sql
	$(BIN)/python tools/client.py > src/chatmarks/client/methods.py

docs-check: $(VENV)/.dev
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/test_docs.py

# More with e.g. BENCH="--case search-1 --rounds 5".
bench: $(VENV)/.dev  ## Measure the server beside its floors, and write docs/performance.*.
	@PYTHONPATH=tests $(BIN)/python -m bench --publish $(BENCH)

bench-quick: $(VENV)/.dev  ## The same in four minutes, for trying; writes no document.
	@PYTHONPATH=tests $(BIN)/python -m bench --quick $(BENCH)

bench-peer: $(VENV)/.dev  ## Measure Synapse's room tags beside a search, and add that to the document.
	@PYTHONPATH=tests $(BIN)/python -m bench --case peer --publish $(BENCH)

bench-start: $(VENV)/.run  ## Measure the time to the first answer, and idle memory.
	@$(BIN)/python bench/start.py

bench-workers: $(VENV)/.dev  ## Measure four workers on PostgreSQL with 32 and 200 clients.
	@$(BIN)/python bench/workers.py

lock: $(VENV)/.dev  ## Resolve the dependencies anew.
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --upgrade pyproject.toml requirements/build.in -o requirements/run.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --upgrade -c requirements/run.lock --all-extras --group dev pyproject.toml \
		requirements/build.in -o requirements/dev.lock

wheel: $(VENV)/.run  ## Write the wheel to dist; pipx or uv install it.
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .

screenshots: $(VENV)/.dev  ## Write the pictures of the console anew; needs Chromium.
	@PYTHONPATH=tests $(BIN)/python tools/screenshots.py

clean:
	rm -rf $(VENV) .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@echo "making $(VENV) from the lock file …" >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.lock pyproject.toml | $(VENV)/bin/python
	@$(PIP) install --require-hashes -r requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/.run
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@
