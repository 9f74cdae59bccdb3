"""The OpenAPI document, made of the endpoints and the structs that they speak in.

`python -m orrery.dashboard.web.openapi > docs/reference/dashboard.openapi.json` writes the published one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from orrery.dashboard.begun import Refusal
from orrery.dashboard.web.endpoint import Endpoint, Raw, Stream

_REFUSALS = {
    "400": "the request itself is wrong",
    "401": "the token is missing or wrong",
    "403": "it comes from a page of another origin",
    "404": "there is no run, task or device of that name",
    "409": "the run has ended, is driven by another process, or is there already",
    "414": "the query is too long",
    "421": "the Host is not this server's",
    "431": "the headers are too large",
    "500": "a fault of Orrery's",
    "502": "something outside failed",
    "503": "the store cannot be used, or too many streams are open",
}
_OF_BODIES = {"413": "the body is too large", "415": "the body is not said to be JSON"}
_REF = "#/components/schemas/{name}"
_FORMS = {Raw: "application/octet-stream", Stream: "text/event-stream"}


def openapi(endpoints: Iterable[Endpoint]) -> bytes:
    """The document that describes these endpoints, as JSON."""
    from orrery import __version__

    every = list(endpoints)
    structs = [kind for one in every for kind in (one.said, one.answer) if kind is not None and kind not in _FORMS]
    _, components = msgspec.json.schema_components(list(dict.fromkeys([*structs, Refusal])), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for one in every:
        paths.setdefault(f"/api{one.path}", {})[one.method.lower()] = _operation(one)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Orrery's dashboard",
            "version": __version__,
            "description": "What the page of `orrery ui` asks, for scripts too. Names in paths are percent-encoded.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"cookie": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in every)],
        "paths": paths,
        "components": {
            "schemas": {name: _described(schema) for name, schema in components.items()},
            "responses": {
                f"Refused{status}": {"description": text, "content": _content(Refusal)}
                for status, text in (_REFUSALS | _OF_BODIES).items()
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The text in .orrery/ui.token."},
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "orrery-8642",
                    "description": "Named after the port; /login?token= gives it. With it alone, only the page's own "
                    "origin changes anything.",
                },
            },
        },
    }
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    refusals = _REFUSALS | (_OF_BODIES if endpoint.method == "POST" else {})
    found: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "parameters": list(_parameters(endpoint)),
        "responses": {
            "200": {"description": "the answer", "content": _content(endpoint.answer)},
            **{status: {"$ref": f"#/components/responses/Refused{status}"} for status in refusals},
        },
    }
    if endpoint.said is not None:
        found["requestBody"] = {"required": True, "content": _content(endpoint.said)}
    return found


def _content(kind: Any) -> dict[str, Any]:
    if kind in _FORMS:
        return {("*/*" if kind is Raw else _FORMS[kind]): {"schema": {}}}
    return {"application/json": {"schema": {"$ref": _REF.format(name=kind.__name__)}}}


def _parameters(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    if endpoint.asked is None:
        return
    in_path = re.findall(r"\{(\w+)\}", endpoint.path)
    _, components = msgspec.json.schema_components([endpoint.asked], ref_template=_REF)
    schema = components[endpoint.asked.__name__]
    about = _about(schema.get("description", ""))
    for name, form in schema["properties"].items():
        parameter = {
            "name": name,
            "in": "path" if name in in_path else "query",
            "required": name in in_path or name in schema.get("required", ()),
            "schema": form,
        }
        yield parameter | ({"description": about[name]} if name in about else {})


def _about(docstring: str) -> dict[str, str]:
    """What a docstring says of each argument."""
    found: dict[str, str] = {}
    for names, text in re.findall(r"^ +([\w, ]+): (.+(?:\n {8,}.+)*)", docstring.partition("Args:")[2], re.MULTILINE):
        for name in names.split(","):
            found[name.strip()] = " ".join(text.split())
    return found


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a struct, with what its docstring says at the place that it is about."""
    text = schema.get("description", "")
    about = _about(text)
    fields = {
        name: form if name not in about or "$ref" in form else {**form, "description": about[name]}
        for name, form in schema.get("properties", {}).items()
    }
    return {**schema, "description": " ".join(text.partition("Args:")[0].split()), "properties": fields}


if __name__ == "__main__":
    from orrery.dashboard.web.app import endpoints as all_endpoints

    sys.stdout.buffer.write(openapi(all_endpoints()))
