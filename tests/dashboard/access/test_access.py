"""Who may call: the same checks in front of every route, whatever the route does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from orrery.dashboard.board import Board
from orrery.dashboard.web.access import Access, Guard
from orrery.dashboard.web.app import application, endpoints
from orrery.journal.memory import MemoryJournal

TOKEN = "a-token-that-is-long-enough-for-this"
ACCESS = Access(TOKEN, 8642, allowed=("orrery.example",))
URL = "http://127.0.0.1:8642"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
COOKIE = {"Cookie": f"orrery-8642={TOKEN}"}
JSON = {"Content-Type": "application/json"}

ROUTES = [
    *((one.method, "/api" + one.path.format(run="no-such", task="x", device="none")) for one in endpoints()),
    ("GET", "/"),
    ("GET", "/assets/x.js"),
    ("GET", "/favicon.svg"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/no-such"),
    ("POST", "/api/no-such"),
    ("DELETE", "/"),
    ("OPTIONS", "/api/runs"),
    ("HEAD", "/api/runs"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("folder")
    board = Board(MemoryJournal(), "memory:", folder, hub_state=folder / "hub")
    with TestClient(Guard(application(board), ACCESS), base_url=URL, follow_redirects=False) as found:
        yield found
    board.close()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_answers_without_the_token(client: TestClient, method: str, path: str) -> None:
    for given in (
        {},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"orrery-8643={TOKEN}"},
        {"Cookie": "orrery-8642=x"},
    ):
        assert client.request(method, path, headers={**JSON, "Origin": URL, **given}).status_code == 401


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", f"/login?token={TOKEN}")])
def test_no_route_answers_a_page_of_another_origin(client: TestClient, method: str, path: str) -> None:
    for origin in (
        "null",
        "https://evil.example",
        "http://localhost:8642",
        "http://127.0.0.1:80",
        "https://127.0.0.1:8642",
    ):
        headers = {**JSON, **BEARER, **COOKIE, "Origin": origin}
        assert client.request(method, path, headers=headers).status_code == 403, origin


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("GET", f"/login?token={TOKEN}")])
def test_no_route_answers_to_another_name(client: TestClient, method: str, path: str) -> None:
    for host in ("evil.example", "127.0.0.1", "127.0.0.1:8643", "evil.example:8642", ""):
        headers = {**JSON, **BEARER, "Host": host}
        assert client.request(method, path, headers=headers).status_code == 421, host


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "POST"])
def test_what_changes_something_is_json_and_comes_from_the_page_or_with_the_token(
    client: TestClient, path: str
) -> None:
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        headers = {**BEARER, "Content-Type": media}
        assert client.post(path, headers=headers, content="{}").status_code == 415
    assert client.post(path, headers={**COOKIE, **JSON}, content="{}").status_code == 403
    cross = {**COOKIE, **JSON, "Origin": URL, "Sec-Fetch-Site": "cross-site"}
    assert client.post(path, headers=cross, content="{}").status_code == 403
    for given in ({**COOKIE, "Origin": URL}, BEARER):
        assert client.post(path, headers={**given, **JSON}, content="{").status_code in (400, 404)


def test_a_page_of_another_site_causes_nothing_even_without_an_origin(client: TestClient) -> None:
    """An image of another server on this machine brings the cookie along, and what is asked may load a workflow."""
    for site in ("same-site", "cross-site"):
        for path in ("/api/explain?target=x.py", "/api/runs"):
            assert client.get(path, headers={**COOKIE, "Sec-Fetch-Site": site}).status_code == 403
        assert client.get("/", headers={**COOKIE, "Sec-Fetch-Site": site}).status_code != 403  # a link may lead here
    for site in ("same-origin", "none"):
        assert client.get("/api/runs", headers={**COOKIE, "Sec-Fetch-Site": site}).status_code == 200


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES if path.startswith("/api/")}))
def test_a_page_at_another_port_reads_nothing_with_the_cookie_that_a_browser_sends_it(
    client: TestClient, path: str
) -> None:
    for site in ("cross-site", "same-site"):
        assert client.get(path, headers={**COOKIE, "Sec-Fetch-Site": site}).status_code == 403
    for site in ("same-origin", "none"):
        assert client.get("/api/runs", headers={**COOKIE, "Sec-Fetch-Site": site}).status_code == 200
    assert client.get("/", headers={**COOKIE, "Sec-Fetch-Site": "cross-site"}).status_code != 403  # a link to the page


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_answer_says_what_a_browser_may_do_with_it(client: TestClient, method: str, path: str) -> None:
    for given in (BEARER, {}):
        headers = client.request(method, path, headers={**JSON, **given}).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


def test_the_link_gives_a_cookie_that_no_script_and_no_other_site_sees(client: TestClient) -> None:
    answer = client.get(f"/login?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    words = {word.strip().lower() for word in answer.headers["set-cookie"].split(";")}
    assert {f"orrery-8642={TOKEN}".lower(), "httponly", "samesite=strict", "path=/"} <= words
    assert answer.headers["referrer-policy"] == "no-referrer"
    client.cookies.clear()
    assert client.get("/api/runs", headers=COOKIE).status_code == 200


WRONG_LINKS = ["", "?token=", "?token=wrong", f"?token={TOKEN}&token=x", f"?t={TOKEN}", "?" + "&".join(["a=1"] * 30)]


@pytest.mark.parametrize("query", WRONG_LINKS)
def test_a_wrong_link_opens_nothing(client: TestClient, query: str) -> None:
    answer = client.get(f"/login{query}", headers={"Accept": "text/html"})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "orrery ui --link" in answer.text
    assert answer.headers["content-type"].startswith("text/html")


def test_a_name_that_was_allowed_is_answered_with_the_origin_of_its_proxy(client: TestClient) -> None:
    for host in ("orrery.example", "orrery.example:8642"):
        headers = {**BEARER, "Host": host}
        assert client.get("/api/runs", headers=headers).status_code == 200
        assert client.get("/api/runs", headers={**headers, "Origin": f"https://{host}"}).status_code == 200
        assert client.get("/api/runs", headers={**headers, "Origin": URL}).status_code == 403


def test_a_server_with_a_certificate_marks_its_cookie_and_takes_no_plain_origin(tmp_path: Path) -> None:
    board = Board(MemoryJournal(), "memory:", tmp_path)
    access = Access(TOKEN, 8642, secure=True)
    client = TestClient(Guard(application(board), access), base_url="https://127.0.0.1:8642", follow_redirects=False)
    assert "secure" in client.get(f"/login?token={TOKEN}").headers["set-cookie"].lower()
    client.cookies.clear()
    assert client.get("/api/runs", headers={**BEARER, "Origin": "https://127.0.0.1:8642"}).status_code == 200
    assert client.get("/api/runs", headers={**BEARER, "Origin": "http://127.0.0.1:8642"}).status_code == 403


def test_two_hosts_and_too_much_are_refused(client: TestClient) -> None:
    assert (
        client.get("/api/runs", headers=[("host", "127.0.0.1:8642"), ("host", "x"), *BEARER.items()]).status_code == 421
    )
    assert client.get("/api/runs", headers={**BEARER, "x": "y" * 40_000}).status_code == 431
    assert client.get("/api/runs?q=" + "y" * 9000, headers=BEARER).status_code == 414
    too_large = client.post("/api/runs", headers={**BEARER, **JSON}, content=b" " * (5 << 20))
    assert too_large.status_code == 413
    assert (too_large.json()["code"], "MiB" in too_large.json()["message"]) == ("too-large", True)
    assert client.get("/api/runs", headers=BEARER).status_code == 200


def test_no_other_protocol_is_spoken(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/runs", headers=BEARER):
        pass
