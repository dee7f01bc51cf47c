# make demo       a model compiled ahead of time, run by a runtime that needs numpy alone
# make test       ruff, mypy and every test
# make test-peers layers, losses and optimisers beside torch, which gets an environment of its own
# make coverage   every op against every check: values, derivatives, batching, machine code
# make bench      every workload beside its peers (the machine must be idle; ARGS=--quick: less)
# make measures   start, call and compile times, sizes, malloc calls
# make lint       ruff and mypy alone
# make clean      removes everything that make made
#
# PYTHON=...   the interpreter that .venv is made from   JOBS=...   test processes (default: all CPUs)
# ARGS=...     of the benchmarks: python -m versus --help

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-peers coverage bench measures lint clean
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
JOBS ?= auto
bench_requirements := import tomllib; \
  print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"])
peers_requirements := $(subst ["bench"],["peers"],$(bench_requirements))
say = @printf '[make] %s\n'

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

# A stamp file per thing that is installed: a second `make` has nothing to do.
.venv/.created:
	@. .ci/find-python.sh && printf '[make] making .venv with %s\n' "$$($$PYTHON --version)" \
	  && $$PYTHON -m venv .venv
	@touch $@

.venv/.installed: .venv/.created pyproject.toml
	$(say) 'installing axec and its samples into .venv (about a minute)'
	@$(PIP) install --editable '.[samples]'
	@touch $@

.venv/.dev: .venv/.installed
	$(say) 'installing the tools of the tests into .venv'
	@$(PIP) install --editable '.[dev]'
	@touch $@

.venv/.bench: .venv/.installed
	$(say) 'installing the peers into .venv/bench (minutes; 2 GB, 6 where pip takes torch with CUDA)'
	@$(BIN)/python -m venv .venv/bench
	@for one in $$($(BIN)/python -c '$(bench_requirements)'); do \
	  .venv/bench/bin/python -m pip --quiet --disable-pip-version-check install $$one \
	  || printf '[make] no %s: the tables will do without it\n' $$one; done
	@touch $@

# torch in an environment that also sees the packages of .venv; it is no dependency of anything.
.venv/.peers: .venv/.dev
	$(say) 'installing torch into .venv/peers'
	@$(BIN)/python -m venv .venv/peers
	@.venv/peers/bin/python -m pip --quiet --disable-pip-version-check install \
	  $$($(BIN)/python -c '$(peers_requirements)')
	@$(BIN)/python -c 'import sysconfig; p = sysconfig.get_path("purelib"); \
	  print(f"import site; site.addsitedir({p!r})")' \
	  > $$(.venv/peers/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/axec.pth
	@touch $@

demo: .venv/.installed
	@$(BIN)/python samples/digits.py

lint: .venv/.dev
	$(say) 'ruff'
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	$(say) 'mypy --strict'
	@$(BIN)/mypy

test: lint
	$(say) 'pytest'
	@$(BIN)/python -m pytest -n $(JOBS)

test-peers: .venv/.peers
	@.venv/peers/bin/python -m pytest tests/peers -m peers

coverage: .venv/.installed
	@$(BIN)/axec coverage

bench: .venv/.bench
	@PYTHONPATH=benchmarks $(BIN)/python -m versus $(ARGS)

measures: .venv/.bench
	@$(BIN)/python benchmarks/run.py

clean:
	@rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
