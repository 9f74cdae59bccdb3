"""What is published: the schema for editors, the guides' blocks, and the examples."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from orrery.workflow import json_schema, load_target, loads

ROOT = Path(__file__).parents[2]
PROGRAMS = {"reference_device.py"}
"""Examples that are no workflows."""
EXAMPLES = sorted(
    path for path in (ROOT / "examples").iterdir() if path.suffix in (".yaml", ".py") and path.name not in PROGRAMS
)
SCHEMA = ROOT / "docs/reference/workflow.schema.json"
REGENERATE = "import json, orrery.workflow as w; print(json.dumps(w.json_schema(), indent=2, ensure_ascii=False))"


def blocks(guide: str, language: str) -> list[str]:
    text = (ROOT / "docs/guides" / guide).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_published_schema_is_current() -> None:
    assert json.loads(SCHEMA.read_text()) == json_schema(), f'python -c "{REGENERATE}" > {SCHEMA.name}'
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_becomes_a_graph(path: Path) -> None:
    made = load_target(path.name, path.parent)
    assert len(made.graph) > 0
    if path.suffix == ".yaml":
        assert path.read_text().startswith("# yaml-language-server: $schema=../docs/reference/workflow.schema.json")
        jsonschema.validate(yaml.safe_load(path.read_text()), json_schema())


@pytest.mark.parametrize("text", blocks("workflow-files.md", "yaml"))
def test_the_files_of_the_guide_are_workflows(text: str) -> None:
    assert len(loads(text, folder=ROOT / "examples").graph) > 0
    jsonschema.validate(yaml.safe_load(text), json_schema())


@pytest.mark.parametrize("text", blocks("flows.md", "python"))
def test_the_flows_of_the_guide_become_graphs(text: str) -> None:
    names: dict[str, Any] = {"__name__": "guide"}
    exec(compile(text, "flows.md", "exec"), names)
    from orrery.workflow import Flow

    flows = [thing for thing in names.values() if isinstance(thing, Flow)]
    assert [len(found.graph()) > 0 for found in flows] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "tasks: {a: {run: ls, timeout: soon}}",
        "tasks: {a: {run: ls, retries: 3}}",
        "tasks: {a: {run: ls, effects: harmless}}",
        "inputs: {n: {type: int}}\ntasks: {}",
        "name: x",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), json_schema())
