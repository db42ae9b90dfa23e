"""The status page: one HTML file without anything from elsewhere, which asks for `/status`."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

from consumer.service.http.server import Response

_FILE: Final = Path(__file__).with_name("page.html")


def page() -> Response:
    """The page. Its policy allows the browser only its own script, its own style and `/status`."""
    text = _FILE.read_text(encoding="utf-8")
    policy = (
        "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; "
        f"script-src {_hash(text, 'script')}; style-src {_hash(text, 'style')}"
    )
    return Response(
        content_type="text/html; charset=utf-8",
        body=text.encode(),
        headers={"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"},
    )


def _hash(text: str, element: str) -> str:
    """The source in a policy that stands for the content of this element."""
    (content,) = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
