# Needs Python >= 3.11, pip and make. Every target makes its own .venv if there is none.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2

# One thread a process: formulas are small, and processes share the cores.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export NO_MKDOCS_2_WARNING := 1

.PHONY: help verify test quick check lint vectors vectors-check generated figures docs site docs-check pdf docs-serve bench nightly lowest certify mutants clean

help:
	@echo "make verify      prove, compute, sample and compare everything; print the table"
	@echo "make test        the test suite"
	@echo "make quick       numbers, printed formulas, methods, samplers, both loops: on every save"
	@echo "make check       format, lint, types, floors, tests, docs: what CI asks for"
	@echo "make lint        format, lint, types, floors"
	@echo "make vectors     write the test vectors again, after a change of an equation or a mistake"
	@echo "make generated   everything that is generated: test vectors, then the blocks of the pages"
	@echo "make figures     draw the figures of the course again, in both languages, for light and dark"
	@echo "make docs        regenerate what the pages show, and build the site into site/"
	@echo "make site        build the site from the pages as they are"
	@echo "make docs-check  every page in headless Chromium: rendered, found, light, and readable by all"
	@echo "make pdf         print the lectures of the built site, one by one and as a book, into site/pdf/"
	@echo "make bench       time one sampling step, its replay, and each layer of a run"
	@echo "make nightly     the slow tests, the labs, all topics at full length, and Coq if it is there"
	@echo "make lowest      the tests of the core with the lowest versions that are allowed"
	@echo "make certify     have the proof assistant Coq check every line of every proof (needs coqc)"
	@echo "make mutants     break a room (ROOM=equations) in every small way; its tests must notice"
	@echo "make clean       remove everything that these targets made"

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[peers,samplers,labs,sd3,bitsandbytes,docs,dev]'
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt torchcfm azula k-diffusion sbi zuko nflows
	touch $@

verify: $(STAMP)
	$(BIN)/refimpl verify

test: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS)

quick: $(STAMP)
	$(BIN)/python tests/quick.py

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The tests compare the generated blocks, so here the site is built from the pages as they are.
check: lint site vectors-check test

vectors: $(STAMP)
	$(BIN)/refimpl vectors write

vectors-check: $(STAMP)
	$(BIN)/refimpl vectors verify

generated: vectors
	$(BIN)/python docs/tools/generate.py

figures: $(STAMP)
	$(BIN)/python docs/tools/figures

docs: $(STAMP)
	$(BIN)/python docs/tools/generate.py
	$(BIN)/mkdocs build --strict

site: $(STAMP)
	$(BIN)/mkdocs build --strict

docs-check: site
	$(BIN)/python docs/tools/render_check.py site
	$(BIN)/python docs/tools/search_check.py site
	$(BIN)/python -m pip install --quiet --no-deps -c constraints.txt axe-playwright-python
	$(BIN)/python docs/tools/access_check.py site

pdf: site
	$(BIN)/python docs/tools/paper.py site

docs-serve: $(STAMP)
	$(BIN)/mkdocs serve

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/step.py
	$(BIN)/python tests/benchmarks/check.py
	$(BIN)/python tests/benchmarks/mixture.py
	$(BIN)/refimpl verify | grep ' hold '

nightly: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) -m slow
	for lab in 1 2 3; do $(BIN)/refimpl lab $$lab --out runs/lab$$lab || exit 1; done
	$(BIN)/python -m refimpl.labs.topics runs/topics.json
	$(BIN)/refimpl accumulate .ci/evidence.jsonl
	$(MAKE) lowest
	if command -v coqc; then $(MAKE) certify; else echo "no coqc: proofs were not certified"; fi

# torch is left at the tested version: builds without CUDA of the lowest are not on every index.
LOWEST := .venv-lowest
lowest: $(STAMP)
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet -c constraints.txt torch
	$(LOWEST)/bin/python -m pip install --quiet -e . $$($(BIN)/python .ci/lowest.py --leave torch) \
		pytest pytest-xdist hypothesis jsonschema
	$(LOWEST)/bin/python -m pytest -n $(JOBS) tests/cli tests/equations tests/derivations \
		tests/methods tests/simulate tests/statistics

# Needs coqc: apt-get install coq libcoq-coquelicot. After a change of a line, which then is all that
# is proved: make certify CERTIFY="--quick --write"
certify: $(STAMP)
	$(BIN)/python -m derivations.coq.certify --jobs $(JOBS) $(CERTIFY)

# One of equations, methods, simulate, statistics, toy, sd3, kit: make mutants ROOM=methods
ROOM ?= equations
mutants: $(STAMP)
	$(BIN)/python tests/mutants.py --room $(ROOM)

clean:
	rm -rf $(VENV) $(LOWEST) site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
