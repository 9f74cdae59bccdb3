"""Picture: a graph of tools as a Mermaid flowchart, with the way that is taken and the tools that are dead."""

from __future__ import annotations

from collections.abc import Collection

from orrery.routing.tool_graph.tools import Artefact, ToolGraph

_STYLES = (
    "classDef taken stroke-width:3px",
    "classDef made stroke-width:3px,fill:#d9ead3",
    "classDef dead stroke-dasharray:4,color:#999999",
)


def as_mermaid(
    graph: ToolGraph,
    *,
    taken: Collection[str] = (),
    made: Collection[str] = (),
    dead: Collection[str] = (),
) -> str:
    """The tools as boxes and the artefacts as rounded ones between them, in the order of their names.

    Args:
        taken: the tools of the way that is taken: with thick borders.
        made: the tools that have done their part: filled as well.
        dead: the tools that cannot be used: with dashed borders.
    """
    ids = {artefact: f"a{at}" for at, artefact in enumerate(graph.artefacts)}
    lines = ["flowchart LR", *(f'    {ids[artefact]}(["{_text(artefact)}"])' for artefact in graph.artefacts)]
    for at, name in enumerate(graph.names):
        tool = graph[name]
        style = "made" if name in made else "dead" if name in dead else "taken" if name in taken else ""
        lines.append(f'    t{at}["{_text(name)}"]' + (f":::{style}" if style else ""))
        arrow = "==>" if style in ("made", "taken") else "-.->" if style == "dead" else "-->"
        lines += [f"    {ids[need]} {arrow} t{at}" for need in _once(tool.needs.values())]
        lines += [f"    t{at} {arrow} {ids[given]}" for given in sorted(tool.gives)]
    return "\n".join([*lines, *(f"    {style}" for style in _STYLES)])


def _once(artefacts: Collection[Artefact]) -> list[Artefact]:
    return sorted(set(artefacts))


def _text(name: str) -> str:
    return name.replace('"', "#quot;")


__all__ = ["as_mermaid"]
