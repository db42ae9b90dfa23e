"""The status page, in a real browser: what it shows of the daemon, and how."""

from __future__ import annotations

import shutil
import signal
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from consumer.service.http.server import HttpServer
from consumer.service.monitoring.serving import routes
from tests.processes import eventually
from tests.service.page_facts import NOW, facts, figures, handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Dialog, Page

    from consumer.service.monitoring.facts import Facts
    from tests.moto_queues import Moto
    from tests.processes import Consume

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]

#: The least contrast of all texts on the page, and the text that has it (WCAG wants 4.5).
LEAST_CONTRAST = """() => {
  const rgb = text => text.match(/[0-9.]+/g).map(Number);
  const light = color => {
    const [r, g, b] = rgb(color).slice(0, 3).map(c => c / 255)
      .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = node => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (!color.endsWith(", 0)") && color !== "transparent") return color;
    }
    return "rgb(255, 255, 255)";
  };
  let least = [99, ""];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !node.getClientRects().length || node.closest("script")) continue;
    const style = getComputedStyle(node);
    const color = node.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [a, b] = [light(color), light(behind(node))].sort((x, y) => y - x);
    least = [[(a + 0.05) / (b + 0.05), node.textContent], least].sort((x, y) => x[0] - y[0])[0];
  }
  return least;
}"""


class Daemon:
    """The listener of a daemon, whose facts the test sets."""

    def __init__(self) -> None:
        self.facts: Facts = facts()
        listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        self.server = HttpServer(listener, routes(lambda: self.facts))
        self.server.start()

    def become(self, **changes: Any) -> None:
        """From now on this is known of it."""
        self.facts = replace(self.facts, **changes)


class Shown:
    """The page in the browser, with what went wrong in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        #: Lines in the console, exceptions, dialogs.
        self.wrong: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda line: self.wrong.append(line.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", self._on_dialog)
        page.on("request", lambda request: self.requests.append(request.url))
        page.clock.install()
        page.goto(url)
        page.wait_for_selector("#main:not([hidden])")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.wrong.append(dialog.message)
        dialog.dismiss()

    def poll(self) -> None:
        """Let the time pass until it asks again, and has the answer."""
        with self.page.expect_response("**/status"):
            self.page.clock.run_for(3_100)

    def text(self, selector: str) -> str:
        """What a person reads there."""
        return " ".join(self.page.inner_text(selector).split())

    def has(self, selector: str, text: str) -> None:
        """Wait until it is there."""
        sync_api.expect(self.page.locator(selector)).to_contain_text(text)


@pytest.fixture(name="browser", scope="module")
def _browser() -> Iterator[Browser]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(name="daemon")
def _daemon() -> Iterator[Daemon]:
    daemon = Daemon()
    yield daemon
    daemon.server.close()


@pytest.fixture(name="shown")
def _shown(browser: Browser, daemon: Daemon) -> Iterator[Shown]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    shown = Shown(context.new_page(), daemon.url)
    yield shown
    context.close()


def test_it_shows_the_daemon(shown: Shown, daemon: Daemon) -> None:
    """State, numbers, queues, threads; nothing from elsewhere, no errors."""
    assert "receiving" == shown.text("#state")
    assert "canvas-live-events-prod in us-east-1" in shown.text("#about")
    assert "running for 3 d 4 h" in shown.text("#about")
    tiles = shown.text("#tiles")
    for text in ("Received 14 /s 84,311 since", "Dead letters 3", "In flight 57 of at most"):
        assert text in tiles
    assert "submission_created 31,200" in shown.text("#events")
    assert "attachment_updated 120" in shown.text("#unmatched")
    assert "canvas-live-events-prod 12 57 0 7 d" in shown.text("#queues")
    assert "handles grades 12 s" in shown.text("#threads")
    assert 120 == shown.page.locator("#traffic rect").count()
    assert 60 == len(str(shown.page.get_attribute("#lag polyline", "points")).split())

    shown.poll()
    assert [] == shown.wrong
    assert {daemon.url, f"{daemon.url}status"} == set(shown.requests)


def test_its_numbers_move(shown: Shown, daemon: Daemon) -> None:
    """Without loading the page again; what has not changed stays as it is."""
    shown.page.evaluate("document.querySelector('#queues table').kept = true")
    daemon.become(rates={"received": 99.6, "handled": 98.2, "failed": 0}, lag_seconds=75.0)

    shown.poll()

    shown.has("#tiles", "100 /s")
    shown.has("#tiles", "1 min 15 s")
    assert shown.page.evaluate("document.querySelector('#queues table').kept")


def test_a_failing_handler_is_shown(shown: Shown, daemon: Daemon) -> None:
    """Above all else, in the table of handlers, and by reason; and when it works again."""
    assert "the handler grades is paused" in shown.text("#problems")
    assert "paused: it keeps failing" in shown.text("#handlers")
    assert "OperationalError at grades.py:31 in on_grade" in shown.text("#handlers")
    assert "grades 290 OperationalError" in shown.text("#failures")

    daemon.become(figures=figures(handlers=(handler("grades", events=1),)))
    shown.poll()

    shown.has("#handlers", "working")
    assert not shown.page.is_visible("#problems")


def test_trouble_is_shown(shown: Shown, daemon: Daemon) -> None:
    """Each state in words; problems and error codes."""
    for state, words in (
        ("unhealthy", "unhealthy"), ("paused", "paused by an operator"),
        ("draining", "draining: it is being stopped"), ("starting", "starting: waiting"),
        ("waiting", "waiting for handlers to work again"),
    ):  # fmt: skip
        daemon.become(
            state=state, problems=("every receive has failed for 120 s",),
            receive_error_code="AccessDenied", credentials_expire_at=NOW,
        )  # fmt: skip
        shown.poll()
        shown.has("#state", words)
    for text in ("every receive has failed", "AccessDenied", "credentials have expired"):
        assert text in shown.text("#problems")


def test_a_daemon_that_does_not_answer_is_shown(shown: Shown, daemon: Daemon) -> None:
    """Plainly, since when, with what was known last."""
    daemon.server.close()

    for _ in range(5):
        shown.page.clock.run_for(3_100)
        shown.page.wait_for_timeout(50)

    shown.has("#state", "no answer")
    shown.has("#silent", "The daemon has not answered since")
    assert "What is shown below was true then." in shown.text("#silent")
    assert shown.page.title().startswith("no answer")


def test_names_are_only_text(shown: Shown, daemon: Daemon) -> None:
    """HTML in names of events, handlers and reasons does nothing."""
    html = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    evil = handler(html, events=1, failures={html: 3}, breaker="open")
    daemon.become(
        problems=(html,), receive_error_code=html,
        figures=figures(
            events={(html, "canvas"): 5}, unmatched={("__proto__", "canvas"): 1},
            handlers=(evil,),
        ),
    )  # fmt: skip

    shown.poll()

    shown.has("#events", html)
    for place in ("#handlers", "#failures", "#problems"):
        assert html in shown.text(place)
    assert 0 == shown.page.locator("img, body script:not(:last-child)").count()
    assert [] == shown.wrong


def test_it_can_be_read_by_all(browser: Browser, daemon: Daemon) -> None:
    """Light and dark, wide and narrow: enough contrast, nothing beside the screen, headings."""
    for scheme in ("light", "dark"):
        context = browser.new_context(
            viewport={"width": 320, "height": 700},
            color_scheme=scheme,
        )
        shown = Shown(context.new_page(), daemon.url)
        dark = shown.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ("rgb(20, 23, 27)" == dark) == (scheme == "dark")
        contrast, text = shown.page.evaluate(LEAST_CONTRAST)
        assert contrast >= 4.5, (scheme, text)
        assert 320 == shown.page.evaluate("document.documentElement.scrollWidth")
        assert shown.page.locator("th:not([scope])").count() == 0
        assert shown.page.locator("section:not([aria-label]):not([aria-labelledby])").count() == 0
        assert shown.page.get_attribute("#traffic", "aria-label", strict=True)
        context.close()


def test_an_empty_daemon_is_no_error(browser: Browser, daemon: Daemon) -> None:
    """Just started: nothing is known yet."""
    daemon.become(
        state="starting", ready=False, minutes=(), rates={}, requests={}, dead_letters=None,
        figures=figures(
            counts={}, events={}, unmatched={}, handlers=(), activities=(),
            last_receive_at=None, last_message_at=None,
        ),
    )  # fmt: skip
    context = browser.new_context()
    shown = Shown(context.new_page(), daemon.url)

    assert "Last message never" in shown.text("#tiles")
    assert "the first minute is being measured" in str(shown.page.text_content("#lag"))
    assert [] == shown.wrong
    context.close()


def test_the_page_of_the_real_daemon(
    browser: Browser, moto: Moto, consume: Callable[..., Consume]
) -> None:
    """Messages that are handled move its numbers; when the daemon ends, it says so."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    queue = moto.queue()
    run = consume("--queue-url", queue.url, CONSUMER_METRICS__LISTEN=address)
    run.until("ready")
    context = browser.new_context()
    shown = Shown(context.new_page(), f"http://{address}/")
    shown.has("#state", "receiving")

    queue.send_numbered(5)
    eventually(lambda: queue.counts() == (0, 0), "all are handled")
    shown.poll()
    shown.has("#tiles", "5 since the start")
    shown.has("#events", "submission_created")
    assert [] == shown.wrong

    run.signal(signal.SIGTERM)
    assert run.end() == 0
    for _ in range(5):
        shown.page.clock.run_for(3_100)
        shown.page.wait_for_timeout(50)
    shown.has("#silent", "The daemon has not answered")
    context.close()
