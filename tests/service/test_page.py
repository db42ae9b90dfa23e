"""The file of the status page; acceptance/test_status_page.py shows it in a browser."""

from __future__ import annotations

import re

from consumer.service.monitoring.page import page as page_response


def test_the_browser_may_load_nothing_else() -> None:
    """Its own script and style by their hashes, no handlers in attributes, no HTML from texts."""
    response = page_response()
    text = bytes(response.body).decode() if isinstance(response.body, bytes) else ""
    policy = response.headers["Content-Security-Policy"]

    assert "default-src 'none'; connect-src 'self'" in policy
    assert 2 == len(re.findall(r"'sha256-[\w+/]{43}='", policy))
    assert "unsafe" not in policy
    assert not re.findall(r"<[^>]*\son\w+=|<[^>]*\sstyle=|innerHTML|outerHTML|insertAdjacent", text)
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text)
