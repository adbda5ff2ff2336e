# Two commands for a fresh clone: `make demo` and `make test`. Everything happens inside .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test lint types imports unit slow dirty faults torture hostile fuzz bench clean

$(BIN)/gantool: pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: pyproject.toml
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $(BIN)/gantool $@

demo: $(BIN)/gantool  ## two minutes to the first garments
	rm -rf demo
	$(BIN)/gantool train configs/quickstart.yaml --run-dir demo
	$(BIN)/gantool sample --checkpoint demo --per-class 10 --seed 7 --grid --out demo/made
	@echo "Open demo/made/grid.png: garments that no one ever made."

test: lint types imports unit

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadscope -m 'not slow'

slow: $(VENV)/.dev  ## tests with many processes that wait for each other; minutes
	$(BIN)/python -m pytest -n 3 --dist loadscope -m slow

dirty: $(VENV)/.dev  ## what `gantool data check` finds of planted faults; npm fetches the emoji
	$(BIN)/python -m tests.dirty prove garments emoji

faults: $(VENV)/.dev  ## runs are killed, raced, signalled, damaged, and go on to the same bits; twenty minutes
	$(BIN)/python -m tests.faults faults

torture: $(VENV)/.dev  ## the same in full counts, hours
	$(BIN)/python -m tests.faults torture

hostile: $(VENV)/.dev  ## files that were made to harm are read, and do none; five minutes
	$(BIN)/python -m tests.hostile

fuzz: $(VENV)/.dev  ## any bytes at all, for the parsers of strangers' files; some minutes
	GANTOOL_FUZZ=long $(BIN)/python -m pytest -n 2 tests/fuzz

bench: $(VENV)/.dev  ## the figures in docs/performance.md, several minutes
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.sampling
	$(BIN)/python -m benchmarks.preparation
	$(BIN)/python -m benchmarks.duplicates
	$(BIN)/python -m benchmarks.check
	$(BIN)/python -m benchmarks.evaluation
	$(BIN)/python -m benchmarks.steps
	$(BIN)/python -m benchmarks.trainer
	$(BIN)/python -m benchmarks.processes
	$(BIN)/python -m benchmarks.scaling

clean:
	rm -rf demo build dist .mypy_cache .ruff_cache .pytest_cache
