"""The files of the page: each is there, or it is said that it is not, also while they are built anew."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from orrery.dashboard.web.page import page_routes


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    (tmp_path / "page" / "assets").mkdir(parents=True)
    return TestClient(Starlette(routes=page_routes(tmp_path / "page")))


def test_files_have_their_types_and_what_has_its_content_in_its_name_is_kept(
    client: TestClient, tmp_path: Path
) -> None:
    files = {
        "index.html": ("text/html; charset=utf-8", "no-cache"),
        "favicon.svg": ("image/svg+xml", "no-cache"),
        "assets/a-1x.js": ("text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        "assets/a-1x.css": ("text/css; charset=utf-8", "public, max-age=31536000, immutable"),
        "assets/unknown": ("application/octet-stream", "public, max-age=31536000, immutable"),
    }
    for name, (media, caching) in files.items():
        (tmp_path / "page" / name).write_text(name, encoding="utf-8")
        answer = client.get("/" if name == "index.html" else f"/{name}")
        assert (answer.status_code, answer.text) == (200, name)
        assert (answer.headers["content-type"], answer.headers["cache-control"]) == (media, caching)


@pytest.mark.parametrize(
    "path", ["/assets/none.js", "/none", "/.hidden", "/assets", "/assets/..%2Findex.html", "/assets/%2e%2e", "/%00"]
)
def test_what_is_no_file_of_the_page_is_not_found(client: TestClient, tmp_path: Path, path: str) -> None:
    (tmp_path / "page" / "index.html").touch()
    (tmp_path / "page" / ".hidden").touch()
    assert client.get(path).status_code == 404


def test_a_page_that_was_not_built_says_how(client: TestClient) -> None:
    answer = client.get("/")
    assert (answer.status_code, "make ui" in answer.text) == (503, True)


def test_while_the_page_is_built_anew_it_is_there_or_not_yet(client: TestClient, tmp_path: Path) -> None:
    index, over = tmp_path / "page" / "index.html", threading.Event()

    def build() -> None:
        while not over.is_set():
            index.write_text("<!doctype html>", encoding="utf-8")
            index.unlink()

    builder = threading.Thread(target=build)
    builder.start()
    try:
        statuses = {client.get("/").status_code for _ in range(150)}
    finally:
        over.set()
        builder.join()
    assert statuses <= {200, 503}
