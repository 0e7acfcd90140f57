# make demo: an animated face, from a model that lies here.  make demo-from-scratch: trains it first.
# make app: the web page.  make test: lint and tests.  make test-slow: the long form of what it has
# in short (random kills, fuzzing, torchrun).  Each makes a virtual environment in .venv where there
# is none.
# make gpu-check: what a GPU can do, with the Python that is there; docs/gpu.md.

PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: setup app demo demo-from-scratch demo-short test test-slow lint gpu-check clean

setup: $(VENV)/installed

$(VENV)/installed: requirements.txt requirements-app.txt
	command -v $(PYTHON) >/dev/null && $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-app.txt
	touch $@

app: setup
	$(RUN) app.py

demo: setup
	$(RUN) demo.py --output demo --checkpoint models/drawn_heads_128.pt

demo-from-scratch: setup
	$(RUN) demo.py --output demo-from-scratch

demo-short: setup
	$(RUN) demo.py --output demo-short --preset short

test: setup lint
	$(RUN) -m pytest -n 2 --dist worksteal

test-slow: setup
	$(RUN) -m pytest -n 2 --dist worksteal -m slow

lint: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

gpu-check:
	python=$$(command -v $(PYTHON) || command -v python3) && $$python -m benchmarks.gpu $(ARGS)

clean:
	rm -rf demo demo-from-scratch demo-short gpu-check .pytest_cache .ruff_cache
