# Two commands set everything up and run: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
# processes that run the tests side by side
WORKERS ?= 2

.PHONY: demo test lint docs stubs lessons clean

demo: $(VENV)/ready
	$(VENV)/bin/unroll demo

test: $(VENV)/ready
	$(VENV)/bin/python -m pytest --numprocesses $(WORKERS) --dist loadfile

lint: $(VENV)/ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# the documentation as a site, build/site/index.html
docs: $(VENV)/docs_ready
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet

# the names that type checkers see, after a new cell or public name
stubs: $(VENV)/ready
	$(VENV)/bin/python .ci/stubs.py

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/docs_ready: $(VENV)/ready
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

# the lessons as pages of the documentation, after a change of their source
lessons: $(VENV)/ready
	$(VENV)/bin/python .ci/lessons.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
