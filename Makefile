# Everything sets itself up: a fresh clone needs nothing but Python 3.11 or newer and make.
PYTHON ?= python3
BIN = .venv/bin
READY = .venv/.ready

.PHONY: demo test test-slow check bench clean

demo: $(READY)
	@run=runs/demo-$$(date +%Y%m%d-%H%M%S); \
	$(BIN)/belamy train digits --out $$run && $(BIN)/belamy sample $$run --count 10000 --out $$run/digits.npz && \
	echo "Open $$run/report.html"

test: check
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-slow: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

check: $(READY)
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python benchmarks/loading.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/quality.py

$(READY): pyproject.toml requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(READY)

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache
