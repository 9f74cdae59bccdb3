"""The page's TypeScript types, made of the structs that the endpoints speak in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from orrery.dashboard import begun, rows, weighed

_SIMPLE = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "unknown"}


def typescript() -> str:
    """The module `ui/src/api/types.ts`."""
    lines = [
        "// Made by `python -m orrery.dashboard.web.typescript`; change the structs in src/orrery/dashboard instead."
    ]
    for kind in structs():
        lines += ["", f"export interface {kind.__name__} {{", *_fields(kind), "}"]
    return "\n".join(lines) + "\n"


def structs() -> list[type[msgspec.Struct]]:
    """Every struct of the API, module by module."""
    return [
        kind
        for module in (rows, begun, weighed)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__
    ]


def _fields(kind: type[msgspec.Struct]) -> Iterator[str]:
    hints = get_type_hints(kind)
    omits = kind.__struct_config__.omit_defaults
    for field in msgspec.structs.fields(kind):
        has_default = field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT
        yield f"  {field.encode_name}{'?' if omits and has_default else ''}: {_type(hints[field.name])};"


def _type(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if origin is Annotated:
        return _type(args[0])
    if origin is Literal:
        return " | ".join(f'"{one}"' for one in args)
    if origin in (Union, UnionType):
        return " | ".join(_type(one) for one in args)
    if origin is dict:
        return f"Record<string, {_type(args[1])}>"
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            inner = _type(args[0])
            return f"({inner})[]" if " " in inner else f"{inner}[]"
        return f"[{', '.join(map(_type, args))}]"
    return str(hint.__name__)


if __name__ == "__main__":
    sys.stdout.write(typescript())
