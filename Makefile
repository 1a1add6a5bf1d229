# `make help` names the targets. Everything runs in .venv, which `make setup` makes and every target that needs it calls.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NPM_STAMP := tools/asyncapi/node_modules/.installed
CLIENT_STAMPS := tools/mcp/node_modules/.installed tools/clients/node_modules/.installed
PYTEST_ARGS ?=
TEST_PROCESSES ?= 2
BENCH_ARGS ?=
FAULTS_ARGS ?=
MUTATION_ARGS ?=
INVOICES ?=
STACK ?= devstack
export INVOICES STACK

.DEFAULT_GOAL := help
SUPPLY := build/supply/bin
SUPPLY_STAMP := build/supply/.installed
IMAGE ?= g3n-crm-worker
COMPILED := build/compiled
WHEEL_OF := pyproject.toml requirements.lock tools/compile/hook.py \
	$(shell find schemas worker -name '*.py' -o -name '*.sql' -o -name '*.css')
# The compiled wheel's modules before the checkout's, for what is started here and for the programs that it starts.
ON_COMPILED := PYTHONPATH=$(CURDIR)/$(COMPILED) PYTHONSAFEPATH=1
.PHONY: alerts compiled wheel faults audit supply-lock release image help setup demo playbooks test clients check lint asyncapi mutation bench bench-growth bench-limits up down status lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## .venv with g3n in it, from the lock with hashes (quick the second time)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; name it: make setup PYTHON=python3.11")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python lacks venv: install your system's package python3-venv" >&2; exit 1; }
	@echo "Installing $(VENV) from requirements.lock: a minute, once" >&2
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## real invoices through Kafka, the worker and Postgres (INVOICES=path.csv[.gz], STACK=devstack|docker)
	$(BIN)/python -m examples.online_retail

playbooks: setup ## every line of docs/playbooks, against a live Kafka, Postgres, worker and API
	$(BIN)/python -m examples.playbooks

# Brokers, compilers and tills that live for seconds: HotSpot's second compiler would take more time than it saves.
demo playbooks test clients compiled: export JDK_JAVA_OPTIONS ?= -XX:TieredStopAtLevel=1

test: lint ## the whole suite on a real Kafka and a real Postgres, after `lint` (PYTEST_ARGS='-k sale')
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

wheel: setup ## dist/: a wheel of this Python and platform with compiled decisions (needs a C compiler)
	@mkdir -p dist && rm -f dist/g3n_crm-*-cp*.whl
	HATCH_BUILD_HOOK_ENABLE_CUSTOM=true $(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

$(COMPILED): $(COMPILED)/.installed

$(COMPILED)/.installed: $(WHEEL_OF)
	@$(MAKE) --no-print-directory wheel
	@rm -rf $(COMPILED)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-index --target $(COMPILED) dist/g3n_crm-*-cp*.whl
	@touch $@

compiled: $(COMPILED)/.installed ## the tests of compiled modules, against the wheel of `make wheel`
	$(ON_COMPILED) G3N_TEST_BUILD=compiled $(BIN)/python -m pytest -o pythonpath="$(COMPILED) ." \
		--numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(COMPILED_TESTS) $(PYTEST_ARGS)

# The model is a second opinion on decisions; the pipeline and the scenarios use them as a worker does.
COMPILED_TESTS := tests/process/test_build.py tests/schemas/test_agreement.py tests/domain tests/codec tests/stored \
	tests/kafka/test_partitioner.py tests/model tests/ledger/test_pipeline.py tests/api/test_accepted.py \
	tests/e2e/test_scenarios.py

faults: setup ## every fault that the reliability page lists, under traffic (FAULTS_ARGS='--rounds 20 --only broker')
	$(BIN)/python -m tests.faults.campaign $(FAULTS_ARGS)

clients: setup $(CLIENT_STAMPS) ## generated clients and MCP's own, against the running API (Node.js 20, Java 17)
	$(BIN)/python -m pytest -q tests/clients/*_clients.py

check: lint ## within a minute, without any server: `lint`, and the tests of schemas, domain and codec
	$(BIN)/python -m pytest -q tests/schemas tests/domain tests/codec

lint: setup asyncapi ## format, spelling, lint, types, layers, generated files, asyncapi.yaml
	$(BIN)/ruff format --check --quiet
	$(BIN)/codespell
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m schemas.generate --check

# AsyncAPI's own parser needs Node.js: no newcomer has to have it, CI has to.
asyncapi:
	@if command -v npm >/dev/null; then \
		$(MAKE) --no-print-directory $(NPM_STAMP) && npm --prefix tools/asyncapi run --silent validate; \
	elif [ -n "$$CI" ]; then echo "npm is missing: install Node.js 20 or newer" >&2; exit 1; \
	else echo "npm is missing: schemas/asyncapi.yaml is not checked by AsyncAPI's parser (install Node.js 20 or newer)" >&2; fi

tools/%/node_modules/.installed: tools/%/package.json tools/%/package-lock.json
	npm --prefix tools/$* ci --silent --no-audit --no-fund
	@touch $@

mutation: setup ## break every decision in every small way; which mutants do the tests let live? (MUTATION_ARGS='"worker.domain.*tender*"')
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation -e '.[mutation]'
	PATH="$(CURDIR)/$(BIN):$$PATH" nice mutmut run $(MUTATION_ARGS)
	@$(BIN)/mutmut results --all true \
		| awk '{split($$1, of, "."); sub(/^[^:]*: /, ""); count[of[3] ": " $$0]++} END {for (what in count) print what, count[what]}' | sort

# Without a C compiler, the compiled build is left out.
bench: setup $(if $(shell command -v cc),$(COMPILED)) ## documents a second beside rivals, latencies (BENCH_ARGS='--only w1 copy')
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation -e '.[bench]'
	$(BIN)/python -m bench $(BENCH_ARGS)

bench-growth: setup ## the cost of a sale after a million others (BENCH_ARGS='--rows 10000000')
	$(BIN)/python -m bench growth $(BENCH_ARGS)

bench-limits: setup ## the latencies of tills in a flood, a backlog, a failure (BENCH_ARGS='--only flood --size 1000000')
	$(BIN)/python -m bench limits $(BENCH_ARGS)

up: setup ## a Kafka and a Postgres of this checkout, until `make down`; prints how to reach them
	$(BIN)/python -m devstack up

down: ## stop the servers of `make up`
	@test ! -x $(BIN)/python || $(BIN)/python -m devstack down

status: setup ## where the Kafka and the Postgres of this checkout are
	@$(BIN)/python -m devstack status || :

lock: ## resolve the dependencies anew: requirements.lock (all) and requirements-run.lock (what the worker needs)
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet pip-tools
	CUSTOM_COMPILE_COMMAND='make lock' build/lock/bin/pip-compile $(LOCK_OPTIONS) --extra dev --extra devstack -o requirements.lock pyproject.toml
	CUSTOM_COMPILE_COMMAND='make lock' build/lock/bin/pip-compile $(LOCK_OPTIONS) -c requirements.lock -o requirements-run.lock pyproject.toml

LOCK_OPTIONS := --quiet --upgrade --generate-hashes --strip-extras --no-annotate --allow-unsafe \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

$(SUPPLY_STAMP): tools/supply/requirements.txt
	$(PYTHON) -m venv build/supply
	$(SUPPLY)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

supply-lock: ## resolve the tools that audit and list the dependencies anew
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet pip-tools
	CUSTOM_COMPILE_COMMAND='make supply-lock' build/lock/bin/pip-compile $(LOCK_OPTIONS) -o tools/supply/requirements.txt tools/supply/requirements.in

audit: $(SUPPLY_STAMP) ## known vulnerabilities of every dependency, Python's and Node's (needs a network)
	$(SUPPLY)/pip-audit --disable-pip --require-hashes -r requirements.lock
	$(SUPPLY)/pip-audit --disable-pip --require-hashes -r tools/supply/requirements.txt
	for folder in $(dir $(wildcard tools/*/package-lock.json)); do npm --prefix $$folder audit || exit 1; done

PROMTOOL_VERSION := v0.316.0
PROMTOOL := build/promtool/$(PROMTOOL_VERSION)/promtool

# Without what finds targets in clouds, it is half as large. Its own go.mod pins what it is built of.
$(PROMTOOL):
	GOBIN=$(CURDIR)/$(dir $@) go install -tags remove_all_sd github.com/prometheus/prometheus/cmd/promtool@$(PROMTOOL_VERSION)

alerts: $(PROMTOOL) ## each alert fires and is cleared, by promtool (needs Go; the first time takes five minutes)
	$(PROMTOOL) check rules deploy/prometheus/alerts.yml
	$(PROMTOOL) test rules deploy/prometheus/alerts.test.yml

release: setup $(SUPPLY_STAMP) ## dist/: both wheels, their contents (CycloneDX), their provenance
	rm -rf dist && mkdir dist
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@$(MAKE) --no-print-directory wheel
	$(SUPPLY)/python -W ignore -m cyclonedx_py requirements requirements-run.lock --pyproject pyproject.toml \
		--mc-type application --output-reproducible --of JSON -o dist/sbom.cdx.json
	$(BIN)/python tools/supply/provenance.py dist/*.whl dist/sbom.cdx.json > dist/provenance.intoto.json
	@ls -1 dist

image: ## the image, and in dist/ its contents (CycloneDX) and its provenance (IMAGE=name)
	mkdir -p dist
	DOCKER_BUILDKIT=1 docker build --tag $(IMAGE) .
	DOCKER_BUILDKIT=1 docker build --target sbom --output dist .
	$(PYTHON) tools/supply/provenance.py dist/image.cdx.json $$(docker image inspect --format '{{.Id}}' $(IMAGE)) > dist/image.intoto.json

clean: down ## remove what was made here, caches and the stack's data included
	rm -rf $(VENV) .devstack build dist mutants tools/*/node_modules
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
