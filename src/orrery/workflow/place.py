"""`runs-on`: which devices of a fleet may run a task, from what a workflow file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orrery.graph import Place, Ref
from orrery.workflow.document import Scalar
from orrery.workflow.references import Scope
from orrery.workflow.shapes import Record

if TYPE_CHECKING:
    from orrery.workflow.loader import File

ANY = "any"
"""What is written where any device will do."""


def read_place(record: Record | None, file: File, scope: Scope) -> Place | None:
    """The place that a task's `runs-on` describes; problems are noted in the file's report."""
    if record is None:
        return None
    on: tuple[Any, ...] = tuple(
        file.value(node, scope) if isinstance(node.value, str) else node.text for node in record.get("on", [])
    )
    beside = record.get("beside")
    apart = [_task(node, file, scope) for node in record.get("apart", [])]
    return Place(
        on=tuple(name for name in on if name != ANY),
        skills=tuple(record.get("skills", ())),
        os=record.get("os", ""),
        cpus=record.get("cpus", 0),
        memory_bytes=record.get("memory", 0),
        beside=None if beside is None else _task(beside, file, scope),
        apart=tuple(ref for ref in apart if ref is not None),
        prefer=record.get("prefer", ""),
    )


def _task(node: Scalar, file: File, scope: Scope) -> Ref | None:
    fault = scope.fault(Ref(node.text))
    if fault:
        file.report.add("reference", node, fault)
    return None if fault else Ref(node.text)
