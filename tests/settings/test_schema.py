import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from agent.settings.load import load, parse
from agent.settings.schema import DIALECT, schema
from agent.settings.unknown import DEVICES, SECTIONS, keys_of
from drivers import registry

CONFIG = Path(__file__).parents[2] / "config"
EXAMPLES = sorted(CONFIG.glob("*.example.yaml"))
BROKEN = Path(__file__).parent / "broken"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return schema()


def test_the_schema_in_config_is_what_the_models_say(made: dict[str, Any]) -> None:
    """After a change: `counter-agent schema > config/schema.json`."""
    assert (CONFIG / "schema.json").read_text(encoding="utf-8") == json.dumps(made, ensure_ascii=False, indent=2) + "\n"


def test_the_schema_is_a_schema(made: dict[str, Any]) -> None:
    assert made["$schema"] == DIALECT
    Draft202012Validator.check_schema(made)


def test_every_key_is_described(made: dict[str, Any]) -> None:
    sections = {name: made["$defs"][model.__name__] for name, model in SECTIONS.items() if name and name not in DEVICES}
    assert {
        f"{section}.{key}" for section, node in sections.items() for key in node["properties"] if not
        node["properties"][key].get("description")
    } == set()  # fmt: skip


@pytest.mark.parametrize("section", DEVICES)
def test_every_driver_has_its_own_keys_beside_those_of_the_file(made: dict[str, Any], section: str) -> None:
    items = made["properties"][section]["anyOf"][0]["items"]["anyOf"]
    drivers = {item["properties"]["driver"]["const"]: set(item["properties"]) for item in items}
    assert sorted(drivers) == registry.names(DEVICES[section])
    for name, keys in drivers.items():
        assert keys == {*keys_of(section), *registry.find(DEVICES[section], name).Options.model_fields}


def test_an_editor_accepts_the_examples_and_refuses_a_broken_file(tmp_path: Path) -> None:
    def check(*files: Path) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "check_jsonschema",
            "--schemafile",
            str(CONFIG / "schema.json"),
            *map(str, files),
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    accepted = check(*EXAMPLES)
    assert accepted.returncode == 0, accepted.stdout
    refused = check(BROKEN / "out_of_range.yaml")
    assert refused.returncode == 1
    assert "limit_mb" in refused.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_good_configuration(example: Path, made: dict[str, Any]) -> None:
    settings = load(example)
    assert settings.qr is not None
    assert len(settings.cameras) == 1
    assert example.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n")
    Draft202012Validator(made).validate(yaml.safe_load(example.read_bytes()))


def test_the_model_counter_explains_every_key_and_tells_the_truth_about_defaults() -> None:
    text = (CONFIG / "model-counter.example.yaml").read_text(encoding="utf-8")
    shown = {line.strip().removeprefix("- ").partition(":")[0] for line in text.splitlines() if ":" in line}
    expected = {key for section in SECTIONS for key in keys_of(section)} - {"options"}
    expected |= set(registry.find("keypad", "serial").Options.model_fields) - {"port"}
    expected |= set(registry.find("camera", "network").Options.model_fields)
    assert expected - shown == set()
    settings = load(CONFIG / "model-counter.example.yaml")
    plain = parse(b'counter: {province: "40", agent: na-0123}\nuplink: {broker: mqtts://x}\n', "config.yaml")
    assert (settings.outbox, settings.rating, settings.screen.media, settings.web.listen) == (
        plain.outbox,
        plain.rating,
        plain.screen.media,
        plain.web.listen,
    )


def test_what_the_schema_refuses_the_agent_refuses_too(made: dict[str, Any]) -> None:
    """And most of what the agent refuses the editor shows while one types."""
    unseen = set()
    for path in BROKEN.glob("*.yaml"):
        try:
            data = yaml.safe_load(path.read_bytes())
        except (yaml.YAMLError, UnicodeDecodeError):
            continue
        if Draft202012Validator(made).is_valid(data):
            unseen.add(path.stem)
    assert "driver_unknown" not in unseen
    assert "unknown_keys" not in unseen
    assert len(unseen) < 16, sorted(unseen)
