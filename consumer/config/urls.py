"""What an SQS queue URL says: its region and its queue's name. Pure.

`consumer.queues` uses these, too: a rule about URLs stands here once.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urlsplit

_REGION = r"(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d+)"
_SUFFIX = r"amazonaws\.(?:com|com\.cn|eu)"
#: Host names of SQS as AWS documents them, the region captured.
_HOSTS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"sqs(?:-fips)?\.{_REGION}\.{_SUFFIX}",
        rf"{_REGION}\.queue\.{_SUFFIX}",
        rf"vpce-[a-z0-9-]+\.sqs\.{_REGION}\.vpce\.{_SUFFIX}",
        rf"sqs(?:-fips)?\.{_REGION}\.api\.(?:aws|amazonwebservices\.(?:com\.cn|eu))",
    )
)
#: Older than regions.
_US_EAST_1_HOST = "queue.amazonaws.com"


def split_url(url: str) -> SplitResult | None:
    """The parts of an http(s) URL, or None if `url` is not one with a host."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # raises on nonsense
    except ValueError:
        return None
    return parts if usable and not re.search(r"\s", url) else None


def region_of_url(url: str) -> str | None:
    """The region that the host of a queue URL names; None for any host that is not AWS's SQS."""
    parts = split_url(url)
    host = (parts.hostname or "") if parts else ""
    if host == _US_EAST_1_HOST:
        return "us-east-1"
    matches = (pattern.fullmatch(host) for pattern in _HOSTS)
    return next((match["region"] for match in matches if match), None)


def queue_name_of_url(url: str) -> str | None:
    """The queue's name, the last part of the path; None if there is no name in it."""
    parts = split_url(url)
    if parts is None:
        return None
    return unquote(parts.path.rstrip("/").rpartition("/")[2]) or None


def is_same_queue(one: str, other: str) -> bool:
    """True if both URLs lead to one queue, however its host is written: the path says which."""
    parts = [split_url(url) for url in (one, other)]
    paths = {unquote(part.path).strip("/") for part in parts if part}
    regions = {region_of_url(url) for url in (one, other)} - {None}
    return one == other or (None not in parts and len(paths) == 1 and len(regions) <= 1)
