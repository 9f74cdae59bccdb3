"""What is published of the API is what the endpoints are: the OpenAPI document and the page's types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import schemathesis
from schemathesis.core.failures import FailureGroup
from starlette.testclient import TestClient
from tests.dashboard.generated import examine, fresh, operations
from tests.dashboard.logs import board

from orrery.dashboard.web.app import application, endpoints
from orrery.dashboard.web.openapi import openapi
from orrery.dashboard.web.typescript import typescript
from orrery.journal.memory import MemoryJournal

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "docs" / "reference" / "dashboard.openapi.json"


def test_the_published_document_is_current_and_what_a_server_answers(tmp_path: Path) -> None:
    made = openapi(endpoints())
    assert PUBLISHED.read_bytes() == made, (
        "python -m orrery.dashboard.web.openapi > docs/reference/dashboard.openapi.json"
    )
    answer = TestClient(application(board(MemoryJournal(), tmp_path))).get("/api/openapi.json")
    assert (answer.status_code, answer.content) == (200, made)


def test_the_published_document_is_openapi_and_has_every_operation() -> None:
    schemathesis.openapi.from_path(PUBLISHED).validate()
    document = json.loads(PUBLISHED.read_bytes())
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert told == {(one.method, f"/api{one.path}") for one in endpoints()}
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(set(names)) == len(names)
    assert all(one["summary"].endswith(".") for methods in document["paths"].values() for one in methods.values())


def test_every_reference_in_the_document_leads_somewhere() -> None:
    document = json.loads(PUBLISHED.read_bytes())
    waiting, refs = [document], set[str]()
    while waiting:
        one = waiting.pop()
        refs |= {one["$ref"]} if isinstance(one, dict) and isinstance(one.get("$ref"), str) else set()
        waiting += [item for item in (one.values() if isinstance(one, dict) else one) if isinstance(item, dict | list)]
    assert len(refs) > 40
    for ref in refs:
        place = document
        for word in ref.removeprefix("#/").split("/"):
            place = place[word]


def test_the_types_of_the_page_are_current() -> None:
    kept = (ROOT / "ui" / "src" / "api" / "types.ts").read_text(encoding="utf-8")
    assert kept == typescript(), "python -m orrery.dashboard.web.typescript > ui/src/api/types.ts"


def test_answers_to_generated_requests_are_as_the_document_says(tmp_path: Path) -> None:
    asked = fresh(tmp_path)
    statuses = {operation.label: examine(operation, 2) for operation in operations(asked)}
    asked.close()
    assert len(statuses) == len(endpoints())
    assert all(found.total() >= 2 for found in statuses.values())


def test_an_answer_that_the_document_does_not_promise_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fresh(tmp_path)
    (runs,) = [operation for operation in operations(asked) if operation.label == "GET /api/runs"]
    monkeypatch.setattr(type(asked.listing), "page", lambda *_, **__: {"runs": "none"})
    with pytest.raises(FailureGroup, match="schema"):
        examine(runs, 2)
    asked.close()
