# Everything starts here: `make help`. Needs CPython 3.11 or newer and make; nothing else has to be installed.

PYTHON ?= python3
VENV   ?= .venv
DATA   ?= data/sample
OUT    ?= runs
BIN    := $(VENV)/bin
READY  := $(VENV)/ready

.DEFAULT_GOAL := help
.PHONY: help install run test lab notebooks docs bench check lock clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(READY)  ## run the notebooks on the sample (DATA=folder for your own) and write the report
	$(BIN)/kam run --data "$(DATA)" --out "$(OUT)"

test: $(READY)  ## run all tests: package, real data, every notebook
	$(BIN)/pytest -n auto --dist loadfile --cov=kamlib --cov-report=term --cov-fail-under=90
	$(BIN)/pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=300 notebooks

lab: $(READY)  ## open the notebooks in JupyterLab
	$(BIN)/kam lab

notebooks: $(READY)  ## execute the committed notebooks on the sample and store their outputs
	$(BIN)/python -m kamlib.batch.refresh

docs: $(READY)  ## write the pages of docs/ that are put together from others
	$(BIN)/python docs/build.py

bench: $(READY)  ## measure what the documentation claims
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/mart.py data/sample

check: $(READY)  ## lint and format, notebooks too
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

install: $(READY)  ## only set up the virtual environment

# uv, where it is there, is some twenty times faster than pip and reads the same hashes.
$(READY): requirements.lock pyproject.toml
	@if command -v uv >/dev/null; then \
	  set -e; uv venv --quiet --clear --python "$(PYTHON)" "$(VENV)"; \
	  uv pip install --quiet --python "$(VENV)" --require-hashes -r requirements.lock; \
	  uv pip install --quiet --python "$(VENV)" --no-deps --no-build-isolation -e .; \
	else \
	  set -e; "$(PYTHON)" -m venv --clear "$(VENV)"; \
	  "$(BIN)/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; \
	  "$(BIN)/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	fi
	@touch $(READY)

lock:  ## resolve requirements.lock anew (needs uv); pandas 3 is asked for, the metadata allows 2.3 too
	echo 'pandas>=3' | uv pip compile --quiet pyproject.toml --extra dev --constraint - --python-version 3.11 --universal \
	  --generate-hashes --no-strip-extras --no-emit-index-url --no-header --no-annotate -o requirements.lock

clean:  ## remove the virtual environment and caches; runs/ stays
	rm -rf "$(VENV)" .pytest_cache .ruff_cache .hypothesis .coverage *.egg-info
