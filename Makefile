# Two commands to know: `make demo` and `make test`. Each builds what it needs.
PYTHON ?= python3
SECONDS ?= 25
SEED ?= 1
FAULTS ?= 0
TILL ?= fixed
KILLS ?= 1000
EXAMPLES ?= 1000000
ENGINE ?= docker
IMAGE ?= paysera-worker:local
REQUIREMENTS ?= runtime

RUN = .venv/bin
DEV = .venv-dev/bin

.PHONY: demo sandbox test check lint types contracts tests simulate soak rig planted mutation fuzz page-test bench docs \
  sample-log system-test image image-test lock clean

demo: .venv/.ready        ## a whole evening in half a minute: sandbox and daemon over real HTTP
	@$(RUN)/paysera-worker demo --seconds $(SECONDS) --seed $(SEED) --faults $(FAULTS) --till $(TILL)

sandbox: .venv/.ready     ## the stand-in wallet alone, on port 8800
	@$(RUN)/paysera-worker sandbox

test: lint types contracts tests simulate   ## everything that must hold before a change lands
check: test

lint: .venv-dev/.ready
	$(DEV)/ruff check .
	$(DEV)/ruff format --check .

types: .venv-dev/.ready
	$(DEV)/mypy

contracts: .venv-dev/.ready
	$(DEV)/lint-imports

tests: .venv-dev/.ready
	$(DEV)/python -m pytest -n 2 -rs
	$(DEV)/coverage run -m pytest tests/domain -p no:cacheprovider
	$(DEV)/coverage report

# A simulated process dies and its machine does not, so a file in memory does as well as any other.
simulate: .venv-dev/.ready   ## two hundred thousand visits in memory, thousands more on a real SQLite
	$(DEV)/python -m tests.simulation run 0 4400 --all-must-fire
	TMPDIR=$$(test -w /dev/shm && echo /dev/shm || echo "$${TMPDIR:-/tmp}") \
	  $(DEV)/python -m tests.simulation run 80000 80120 --journal sqlite

soak: .venv-dev/.ready    ## fresh evenings for SECONDS; what was played is added to soak-results.jsonl
	$(DEV)/python -m tests.simulation soak --seconds $(SECONDS)

planted: .venv-dev/.ready ## plant bugs of the money path one by one, and see after how many visits each is caught
	$(DEV)/python -m tests.planted

mutation: .venv-dev/.ready   ## plant small faults into the money core; its tests must find 90 %
	$(DEV)/python -m tests.mutation

rig: .venv-dev/.ready     ## kill real workers, again and again, and see whether anything is lost
	$(DEV)/python -m tests.rig --kills $(KILLS) --seed $(SEED)

fuzz: .venv-dev/.ready    ## fresh hostile inputs at every boundary; EXAMPLES of them for the wire parser
	$(DEV)/python -m tests.fuzz $(EXAMPLES)

page-test: .venv-dev/.ready   ## meet the status page in a real Chromium; pictures land in build/
	$(DEV)/python -m pytest tests/listener/test_page.py -rs

docs: .venv-dev/.ready    ## write anew the documents that are made from the code
	@$(DEV)/python -m tests.documents

sample-log: .venv-dev/.ready   ## an hour at a busy venue, as the log tells it: docs/sample-log.txt
	@$(DEV)/python -m tests.documents docs/sample-log.txt
	@cat docs/sample-log.txt

# As root. Exit code 69 of the script, not of make: it can not run here, and says why.
system-test: .venv-dev/.ready   ## install it on a machine with a real systemd, as the README says, and give it a bad day
	$(DEV)/python -m tests.system

bench: .venv/.ready       ## figures, each beside a baseline measured in the same run
	@$(RUN)/python -m benchmarks

image:                    ## build the container image with ENGINE (docker, podman, buildah)
	$(ENGINE) build --tag $(IMAGE) --build-arg REQUIREMENTS=$(REQUIREMENTS) \
	  --build-arg VERSION=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' worker/__init__.py) \
	  --build-arg REVISION=$$(git rev-parse HEAD) \
	  --build-arg CREATED=$$(date -u +%Y-%m-%dT%H:%M:%SZ) .

# Needs root and Debian's buildah, debootstrap and runc; ends with 77 where it can not run.
image-test: .venv-dev/.ready   ## build the image without an engine, run it, look at it from all sides
	$(DEV)/python -m tests.image

# The lock pins versions and hashes, and records no address to download from.
LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
  --no-annotate -q
lock:
	$(LOCK) pyproject.toml -o requirements/runtime.txt
	$(LOCK) pyproject.toml --all-extras -c requirements/runtime.txt -o requirements/extras.txt
	$(LOCK) pyproject.toml --all-extras --group dev -c requirements/extras.txt -o requirements/dev.txt
	$(LOCK) requirements/build.in -o requirements/build.txt

# Every extra: a demo may use any till.
.venv/.ready: requirements/extras.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("paysera-worker needs Python 3.11 or newer; try: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	@echo "Building .venv (once) ..."
	@$(PYTHON) -m venv .venv
	@$(RUN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/extras.txt -r requirements/build.txt
	@$(RUN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv-dev/.ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("paysera-worker needs Python 3.11 or newer; try: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	@echo "Building .venv-dev (once) ..."
	@$(PYTHON) -m venv .venv-dev
	@$(DEV)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(DEV)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf .venv .venv-dev .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage mutants build
