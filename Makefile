# Two commands: `make demo` and `make test`. Both install what is missing first (see bootstrap.sh).
# PYTHON=python3.13 make test    runs with that interpreter, in a virtual environment of its own.

.PHONY: demo test check lock
export PYTHON

demo:
	@sh bootstrap.sh run counter-agent demo

test: check
	@sh bootstrap.sh test pytest -n 2

# Lint, format and types only: fast.
check:
	@sh bootstrap.sh dev ruff check
	@sh bootstrap.sh dev ruff format --check
	@sh bootstrap.sh dev mypy

# After a change of dependencies in setup.cfg: locks the newest versions that fit, for every supported Python.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" --upgrade setup.cfg
lock:
	@sh bootstrap.sh dev $(LOCK) --extra build --extra province --output-file config/requirements.txt
	@sh bootstrap.sh dev $(LOCK) --extra dev --output-file config/requirements-dev.txt
