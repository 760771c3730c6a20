# Two commands: `make demo` and `make test`. Both install what is missing first (see bootstrap.sh).
# PYTHON=python3.13 make test    runs with that interpreter, in a virtual environment of its own.

.PHONY: demo test check bench controls soak lock almanac
export PYTHON

demo:
	@sh bootstrap.sh run counter-agent demo

test: check
	@sh bootstrap.sh test pytest -n 3

# Lint, format and types only: fast.
check:
	@sh bootstrap.sh dev ruff check
	@sh bootstrap.sh dev ruff format --check
	@sh bootstrap.sh dev mypy

# How fast, small and gentle it is, beside physical floors and other software; writes bench/results.md.
# As root it also counts what reaches the memory card. BENCH=--quick for a first look.
bench:
	@sh bootstrap.sh bench python -m tests.bench $(BENCH)

# Ten builds with one line of their care taken out: each must be caught by the tests that name it.
controls:
	@sh bootstrap.sh test python -m tests.controls

# Ten minutes (or SOAK_MINUTES) of every fault at once and five hundred of a camera, then a thousand kills, a hundred
# thousand power cuts, ten thousand random byte streams into every framing of keypads, two hours of one-second items on
# the screen, half a minute of it without its agent, and what a real compositor shows of it, eight hours of changing light, ten minutes of people who come, and a
# thousand damaged files for the screen.
soak:
	@sh bootstrap.sh test python -m tests.soak
	@COUNTER_AGENT_KILLS=1000 sh bootstrap.sh test pytest -n 2 tests/story/test_delivery.py
	@COUNTER_AGENT_CUTS=100000 sh bootstrap.sh test pytest -n 2 tests/powercut
	@COUNTER_AGENT_STREAMS=10000 sh bootstrap.sh test pytest -n 2 tests/drivers/keypad/test_framing.py
	@COUNTER_AGENT_BENCH=1 sh bootstrap.sh bench pytest tests/bench tests/surveillance/test_gstreamer.py
	@COUNTER_AGENT_SCREEN_MINUTES=120 sh bootstrap.sh test pytest -o timeout=9000 tests/web/test_endurance.py
	@COUNTER_AGENT_AWAY_S=30 sh bootstrap.sh test pytest tests/story/test_away.py
	@COUNTER_AGENT_KIOSK=1 sh bootstrap.sh test pytest tests/web/test_compositor.py tests/systemd/test_policy.py
	@COUNTER_AGENT_LIGHT_HOURS=8 sh bootstrap.sh test pytest -n 2 tests/surveillance/seeing/test_tamper.py
	@COUNTER_AGENT_ONSET_S=600 sh bootstrap.sh test pytest -n 2 -o timeout=900 tests/surveillance/presence/test_onset.py
	@COUNTER_AGENT_DAMAGED=1000 sh bootstrap.sh test pytest tests/screen/media/test_fuzz.py

# The days off of Vietnam, from the library that knows them; a test says when it knows more than the file.
almanac:
	@sh bootstrap.sh dev python -m tests.almanac > almanac.part && mv almanac.part agent/screen/planning/almanac.json

# After a change of dependencies in setup.cfg: locks the newest versions that fit, for every supported Python.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" --upgrade setup.cfg
lock:
	@sh bootstrap.sh dev $(LOCK) --extra build --extra gpio --extra province --output-file config/requirements.txt
	@sh bootstrap.sh dev $(LOCK) --extra dev --output-file config/requirements-dev.txt
