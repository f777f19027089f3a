"""Other sites, in the same browser, try to use the console."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, Route

from ..console.visiting import OLD
from .serving import House
from .walking import MAKE, heading

Opened = Callable[..., Page]

EVIL = "https://evil.example/"


def serve(page: Page, html: str) -> None:
    def fulfill(route: Route) -> None:
        route.fulfill(body=html, content_type="text/html")

    page.context.route(EVIL, fulfill)


@pytest.mark.parametrize("policy", ["no-referrer", "unsafe-url"])
def test_a_form_of_another_site_changes_nothing(policy: str, house: House, page: Page) -> None:
    link = house.link()
    page.goto(link)  # the browser has the cookie now
    token = page.locator("input[name=form_token]").first.input_value()
    fields = {"form_token": token, "step": "refresh", "old": "hour"}
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    serve(
        page,
        f'<meta name="referrer" content="{policy}"><form method="post" action="{link}">{inputs}<button>Win</button>',
    )
    page.goto(EVIL)
    page.get_by_role("button", name="Win").click()
    assert heading(page) == "This form was not sent from its page"
    assert house.world.usable() == [OLD]


def test_another_site_cannot_frame_it(house: House, opened: Opened) -> None:
    page = opened(may_complain=True)
    # A page of this machine, too: to others, frames of it are closed in any case.
    with a_site(f'<iframe src="{house.link()}"></iframe>') as address:
        page.goto(address)
        assert MAKE not in page.frames[1].locator("body").inner_text()


@contextmanager
def a_site(html: str) -> Iterator[str]:
    """Serves this page, from an address that is another site than the console's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_another_site_that_opens_it_gets_no_hold_of_it(house: House, page: Page) -> None:
    serve(page, f"<button onclick=\"window.held = window.open('{house.link()}')\">Win</button>")
    page.goto(EVIL)
    page.get_by_role("button", name="Win").click()
    page.wait_for_function("window.held && window.held.closed")


def test_no_page_tells_another_site_where_one_came_from(house: House, page: Page) -> None:
    serve(page, "<p>here</p>")
    page.goto(house.link())
    page.evaluate(f"location.href = '{EVIL}'")
    page.get_by_text("here").wait_for()
    assert page.evaluate("document.referrer") == ""


def test_a_script_that_got_into_a_page_would_not_run(house: House, opened: Opened) -> None:
    page = opened(may_complain=True)
    page.goto(house.link())
    for markup in (
        "<img src=x onerror='document.title=\"run\"'>",
        "<style>body{display:none}</style>",
        "<form action='https://evil.example/'><button>Go</button></form>",
    ):
        page.evaluate("markup => document.querySelector('main').insertAdjacentHTML('beforeend', markup)", markup)
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = 'document.title = "run"';
        document.body.append(script);
    }""")
    assert page.title() == "Refresh your secret"
    assert page.evaluate("getComputedStyle(document.body).display") == "block"
    with page.expect_console_message(lambda message: "form-action 'self'" in message.text):
        page.evaluate("[...document.querySelectorAll('button')].pop().click()")
    assert page.url.startswith(house.url)
