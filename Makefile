# make up      the app on this machine, ending in a page that answers
# make test    everything: lint, all tests with real parts, every Python found
# make check   lint and the fast tests, under a minute, without root or engine
# make lint    ruff, mypy, and actionlint and zizmor for the workflows
# make bench   ratios, measured side by side in one run
# make lock    renew the locked dependencies
# make path    dogctl on the PATH of the steps to come, in a job of GitHub's

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help up down test check lint format bench lock path clean

VENV := .venv
BIN := $(VENV)/bin
RELOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes pyproject.toml
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help:
	@sed -n 's/^# //p' Makefile

up: $(VENV)/.app
	@$(BIN)/dogctl up

down: $(VENV)/.app
	@$(BIN)/dogctl down

test: lint
	$(BIN)/python -m tests.prepare
	$(BIN)/pytest --numprocesses 2 --dist loadfile
	$(BIN)/python -m tests.pythons

check: lint
	$(BIN)/pytest --numprocesses 2 -m "not real"

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m tests.actionlint
	$(BIN)/zizmor --offline --no-progress --strict-collection -qq .github

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench

lock: $(VENV)/.dev
	$(RELOCK) --group build --output-file requirements/app.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --group image \
		--constraints requirements/app.txt --output-file requirements/image.txt
	$(RELOCK) --group dev --output-file requirements/dev.txt

path: $(VENV)/.app
	@echo "$(CURDIR)/$(BIN)" >> "$${GITHUB_PATH:?is set by GitHub in its jobs}"

clean:
	@if [ -x $(BIN)/dogctl ]; then $(BIN)/dogctl down; fi
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.python:
	@echo "Setting up $(VENV) (about a minute, once) ..."
	@for python in python3.14 python3.13 python3.12 python3.11 python3; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			found=$$python; break; \
		fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "dogctl needs Python 3.11 or later, and there is none on the PATH." >&2; exit 2; \
	fi; \
	$$found -m venv $(VENV) || { \
		echo "$$found cannot make a virtual environment; on Debian: apt install python3-venv" >&2; \
		exit 2; \
	}
	@touch $@

$(VENV)/.app: $(VENV)/.python requirements/app.txt pyproject.toml
	@$(PIP) --require-hashes -r requirements/app.txt
	@$(PIP) --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.app requirements/dev.txt
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@
