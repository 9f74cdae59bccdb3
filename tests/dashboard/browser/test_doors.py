"""Who has no key sees nothing; a page of another origin can neither read, nor act, nor listen, even with the cookie."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect
from tests.dashboard.browser.house import House
from tests.dashboard.browser.visit import Visit

from orrery.scheduler import events as ev

REFUSED = "Failed to load resource|CORS|EventSource|blocked|frame|NotSameOrigin"


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Another</title><p>Another page")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of another server on this machine, which has a page."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_without_the_key_there_is_a_closed_page(visiting: Callable[..., Visit], house: House) -> None:
    visit = visiting(has_key=False)
    visit.tolerate("401")
    page = visit.open()
    expect(page.get_by_role("heading", name="This page is closed")).to_be_visible()
    expect(page.get_by_text("orrery ui --link")).to_be_visible()
    assert "one" not in page.content().split()
    answer = page.goto(f"{house.url}/login?token={house.token[:-1]}x")
    assert answer is not None
    assert answer.status == 401
    page.goto(house.link)
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert house.token not in page.url
    (cookie,) = visit.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert house.token not in str(
        page.evaluate("[document.cookie, document.documentElement.outerHTML, {...localStorage}]")
    )


def test_a_page_whose_key_was_taken_says_so(visit: Visit) -> None:
    visit.tolerate("401|MIME type")
    page = visit.open("run/one")
    expect(page.get_by_role("heading", name="one", exact=True)).to_be_visible()
    visit.context.clear_cookies()
    page.get_by_role("link", name="Fleet").click()
    expect(page.get_by_role("heading", name="This browser has no key to this server")).to_be_visible()
    expect(page.get_by_role("heading", name="Fleet")).to_have_count(0)


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_another_origin_gets_nothing(visit: Visit, house: House, elsewhere: int, name: str) -> None:
    """127.0.0.1 is the same site on another port, so the cookie travels; localhost is another site."""
    visit.tolerate(REFUSED)
    page = visit.page
    page.goto(f"http://{name}:{elsewhere}/")
    before = len(house.journal.runs()), house.journal.head("waits")
    assert _attempts(page, house.url) == {
        "read": "refused",
        "read blind": "refused",
        "post json": "refused",
        "post text": "refused",
        "stream": "refused",
        "script": "refused",
    }
    assert (len(house.journal.runs()), house.journal.head("waits")) == before
    assert house.told("waits", ev.RunCancelRequested) == []


@pytest.mark.usefixtures("waits")
def test_a_form_and_a_frame_of_another_origin_are_refused(visit: Visit, house: House, elsewhere: int) -> None:
    visit.tolerate(REFUSED)
    page = visit.page
    page.goto(f"http://127.0.0.1:{elsewhere}/")
    page.evaluate(
        """(url) => {
            const frame = document.createElement("iframe");
            frame.name = "frame";
            frame.src = url;
            document.body.append(frame);
            return new Promise((loaded) => (frame.onload = loaded));
        }""",
        house.url,
    )
    frame = page.frame("frame")
    assert frame is not None
    assert frame.get_by_role("heading", name="Runs").count() == 0
    with page.expect_response("**/cancel") as answered:
        page.evaluate(
            """(url) => {
                const form = document.createElement("form");
                const action = `${url}/api/runs/waits/cancel`;
                Object.assign(form, { method: "post", enctype: "text/plain", action });
                document.body.append(form);
                form.submit();
            }""",
            house.url,
        )
    assert answered.value.status == 403
    assert house.told("waits", ev.RunCancelRequested) == []


def _attempts(page: Page, url: str) -> dict[str, str]:
    """What became of everything that a page of another origin can try; it has the cookie where the browser sends it."""
    found: dict[str, str] = page.evaluate(
        """async (url) => {
            const asked = async (path, how) => {
                try {
                    const answer = await fetch(url + path, { credentials: "include", ...how });
                    return answer.type === "opaque" ? "not read" : `${answer.status}: ${await answer.text()}`;
                } catch { return "refused"; }
            };
            const json = { "Content-Type": "application/json" };
            const stream = new EventSource(`${url}/api/runs/waits/stream`, { withCredentials: true });
            const streamed = new Promise((told) => {
                stream.onmessage = stream.onopen = () => told("it came");
                stream.addEventListener("change", () => told("it came"));
                stream.onerror = () => told("refused");
            });
            const script = document.createElement("script");
            script.src = `${url}/api/runs`;
            const ran = new Promise((told) => {
                script.onload = () => told("it came");
                script.onerror = () => told("refused");
            });
            document.head.append(script);
            const found = {
                "read": await asked("/api/runs", {}),
                "read blind": await asked("/api/runs", { mode: "no-cors" }),
                "post json": await asked("/api/runs/waits/cancel", { method: "POST", headers: json, body: "{}" }),
                "post text": await asked("/api/runs/waits/cancel", { method: "POST", mode: "no-cors", body: "{}" }),
                "stream": await streamed,
                "script": await ran,
            };
            stream.close();
            return found;
        }""",
        url,
    )
    return found
