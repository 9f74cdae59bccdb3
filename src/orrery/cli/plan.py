"""`orrery plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.text import Text

from orrery.cli.fleet import devices_within_reach
from orrery.cli.options import HubTokenFile, HubUrl, Inputs, check_output, read_hub, read_inputs
from orrery.cli.request import PlannerName, PlannerOptions, choose, goal_of, is_request, planned
from orrery.cli.screen import out, say
from orrery.errors import OutsideError
from orrery.workflow.workflow import InputSpec, Workflow

Format = Literal["terminal", "svg", "mermaid", "dot", "json", "text"]


def plan(
    target: str,
    /,
    *,
    inputs: Inputs = None,
    format: Format = "terminal",
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    planner: PlannerName = None,
    option: PlannerOptions = None,
    tools: str | None = None,
    hub: HubUrl = None,
    hub_token_file: HubTokenFile = None,
) -> int:
    """Show the graph of a workflow, or of a request in plain words: what waits for what. Nothing is run.

    Args:
        target: A workflow file, module:flow, or a request in quotes.
        format: How: drawn in the terminal (unless given), as an image, or as text for other programs.
        output: The file to write instead of stdout.
        tools: The tools, or toolsets, that a request may use, with commas between them; all unless given.
    """
    console = out()
    if is_request(target):
        choice = choose(planner)
        devices = devices_within_reach(read_hub(hub, hub_token_file))
        workflow = planned(goal_of(target, options=option, tools=tools, devices=devices), choice, Path.cwd()).workflow
        if format == "terminal" and output is None:
            say(console, choice.line())
    else:
        from orrery.workflow import load_target

        check_output(output, target)
        workflow = load_target(target, Path.cwd(), read_inputs(inputs))
    picture = drawn(workflow, format, width=console.width if console.is_terminal else 120)
    if output is not None:
        try:
            output.write_text(picture + "\n", encoding="utf-8")
        except OSError as error:
            raise OutsideError(f"{output} cannot be written: {error.strerror}") from error
        say(console, f"{output}: {len(workflow.graph)} tasks")
        return 0
    if format == "terminal":
        for line in about(workflow):
            say(console, line)
    print(picture)
    return 0


def about(workflow: Workflow) -> list[Text]:
    """What it is called, takes and returns, a line each."""
    head = Text(workflow.name, "bold")
    count = len(workflow.graph)
    head.append(f"  {count} {'task' if count == 1 else 'tasks'}", "")
    if workflow.description:
        head.append(f"  {workflow.description}", "dim")
    lines = [head]
    lines += [
        Text("  input ").append(spec.name, "bold").append(f"  {_described(spec)}", "dim")
        for spec in workflow.inputs.values()
    ]
    if workflow.graph.outputs:
        lines.append(Text("  returns ").append(", ".join(workflow.graph.outputs), "bold"))
    return [*lines, Text()]


def _described(spec: InputSpec) -> str:
    default: Any = "required" if spec.required else f"default {spec.default!r}"
    return ", ".join(filter(None, (spec.type, default, spec.description)))


def drawn(workflow: Workflow, format: Format, *, width: int) -> str:
    """The graph in one of the forms."""
    from orrery.drawing import draw
    from orrery.graph.codec import to_json
    from orrery.graph.text import write

    graph = workflow.graph
    match format:
        case "terminal":
            return draw.terminal(graph, width=width)
        case "svg":
            return draw.svg(graph)
        case "mermaid":
            return draw.mermaid(graph)
        case "dot":
            return draw.dot(graph)
        case "json":
            return to_json(graph)
        case "text":
            return write(graph)
