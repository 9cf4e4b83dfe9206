# `make demo` and `make test` set up everything they need; nothing else has to be installed but Python >= 3.11 and git.
PYTHON ?= python3
BIN := .venv/bin
WHEELS := .cache/wheels
NODE_MODULES := .cache/node/node_modules
DESCRIPTION := .cache/github/api.github.com.json
SCHEMA := .cache/github/schema.graphql
SOURCES := bot strategies tests benchmarks
# Jobs of tests write and delete many small files: in memory where there is room for them.
ROOM := $(shell grep -q '^[^ ]* /dev/shm [^ ]* [^ ]*noexec' /proc/mounts || df -k /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print "/dev/shm" }')
WORKERS := $(shell expr $$(nproc) + 1)
NPM := $(shell command -v npm || echo "$(BIN)/npm")

.PHONY: setup demo test coverage lint bench campaign lock clean

setup: .venv/ready

# The lists are whole: pip has nothing to resolve, and would refuse a pinned name that something asks for with an extra
# (pip 23.2) once a newer release of it is out.
.venv/ready: pyproject.toml requirements/dev.txt
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), f"Python 3.11 or newer is needed, this is {sys.version}"'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# What jobs of tests install, and what our own wheel needs, so that the tests themselves need no network.
$(WHEELS)/ready: requirements/tools.txt requirements/base.txt .venv/ready
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --dest $(WHEELS) -r requirements/tools.txt
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --dest $(WHEELS) -r requirements/base.txt
	touch $@

$(NODE_MODULES)/ready: tests/tools/package-lock.json .venv/ready
	mkdir -p .cache/node && cp tests/tools/package.json tests/tools/package-lock.json .cache/node/
	PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) ci --prefix .cache/node --no-audit --no-fund --loglevel=error
	touch $@

# GitHub's published description of its API, one file (13 MB) of a package of half a gigabyte.
$(DESCRIPTION): .venv/ready
	mkdir -p $(@D)
	cd $(@D) && PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) pack --silent --loglevel=error @octokit/openapi@23.0.2
	tar -xzmf $(@D)/octokit-openapi-23.0.2.tgz -C $(@D) --strip-components=2 package/generated/$(@F)
	rm $(@D)/octokit-openapi-23.0.2.tgz
	echo "829b4bebb19a53133289f7b0bc819f4f1118115821db2ca9f25e9ee995a7da2a  $@" | sha256sum --check --quiet

# And that of its GraphQL API.
$(SCHEMA): .venv/ready
	mkdir -p $(@D)
	cd $(@D) && PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) pack --silent --loglevel=error @octokit/graphql-schema@15.26.1
	tar -xzmf $(@D)/octokit-graphql-schema-15.26.1.tgz -C $(@D) --strip-components=1 package/$(@F)
	rm $(@D)/octokit-graphql-schema-15.26.1.tgz
	echo "3c62d0526d133cee53221c89de9b455ade24db78b9e7ad56d642c4c15bce2654  $@" | sha256sum --check --quiet

demo: setup
	$(BIN)/regreen demo

test: setup $(WHEELS)/ready $(NODE_MODULES)/ready $(DESCRIPTION) $(SCHEMA) lint
	TMPDIR=$(or $(ROOM),$${TMPDIR:-/tmp}) PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest --numprocesses=$(WORKERS) --dist=worksteal $(ARGS)

# The tests once more, half as long again: every process of theirs counts its lines.
coverage:
	$(MAKE) test ARGS="--cov --cov-report=term"

lint: setup
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

bench: setup
	for name in checkpoints diagnosis edits fix github guard latency redaction replay; do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

campaign: setup $(WHEELS)/ready
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -m campaign --capture=no $(ARGS)

# Written without the host of any index: the machine's own settings decide where packages come from.
lock: setup
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --python-version 3.11 pyproject.toml -o requirements/base.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --python-version 3.11 pyproject.toml --group dev requirements/build.in -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --python-version 3.11 requirements/tools.in -o requirements/tools.txt

clean:
	rm -rf .venv .cache dist
