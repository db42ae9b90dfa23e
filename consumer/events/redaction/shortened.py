"""Leaves of a value what does not identify a person: of addresses, URLs and browsers."""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

#: What is kept of an address.
_BITS: Final = {4: 24, 6: 48}
#: Also with a zone and a port. What is cached must not be long.
_LONGEST_ADDRESS: Final = 100
_with_port = re.compile(r"\[([0-9a-fA-F:.%]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}").fullmatch
_url = re.compile(r"(?:(https?)://(?:[^/@]*@)?([A-Za-z0-9.-]+(?::[0-9]{1,5})?))?(/.*)?").fullmatch
_is_number = re.compile(r"[0-9.]+").fullmatch
_digits = re.compile(r"[0-9]{1,20}").fullmatch
_LONGEST_AGENT: Final = 500
#: Longer paths are cut.
_MOST_SEGMENTS: Final = 16
#: In paths of Canvas, these are followed by an id that is not a person's.
_BEFORE_ID: Final = frozenset({
    "accounts", "announcements", "assignment_groups", "assignments", "courses",
    "discussion_topics", "external_tools", "files", "folders", "group_categories", "groups",
    "items", "modules", "outcomes", "quizzes", "rubrics", "sections", "sis_imports", "terms",
})  # fmt: skip
#: All words that are kept. Others may be names: of a page, of a person.
_WORDS: Final = _BEFORE_ID | frozenset({
    "activity_stream", "admin", "analytics", "api", "blueprint_courses", "calendar",
    "calendar_events", "capture", "collaborations", "conferences", "content_exports",
    "content_migrations", "conversations", "course_settings", "dashboard", "discussion", "download",
    "edit", "enrollments", "entries", "external_content", "favorites", "feeds", "final_grades",
    "front_page", "grades", "gradebook", "graphql", "history", "images", "inbox", "launch", "login",
    "logout", "lti", "masquerade", "media_objects", "members", "messages", "new", "oauth2", "pages",
    "permissions", "plannable", "planner", "preview", "profile", "progress", "questions", "reports",
    "results", "self", "sessionless_launch", "settings", "speed_grader", "statistics",
    "submissions", "syllabus", "take", "token", "unread_count", "upcoming", "update", "uploads",
    "users", "v1", "wiki",
})  # fmt: skip
#: In this order, because later ones claim to be earlier ones.
_BROWSERS: Final = ("candroid", "iCanvas", "Edg", "OPR", "CrOS", "Firefox", "Chrome", "Safari")
_SYSTEMS: Final = ("iPhone", "iPad", "Android", "CrOS", "Windows", "Macintosh", "Linux")


def address(text: str) -> str | None:
    """The network of an IP address: its first 24 bits, or 48 of IPv6. None if it is not one."""
    return _network(text) if len(text) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=10_000)
def _network(text: str) -> str | None:
    text = text.strip()
    ported = _with_port(text)
    if ported is not None:
        text = ported[1] or ported[2]
    try:
        found: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found.sixtofour or found
    return str(ip_network((found, _BITS[found.version]), strict=False).network_address)


def url(text: str, user: Callable[[str], str | None]) -> str | None:
    """Host and path of a URL, with "*" for what is not a word or an id of Canvas. None if not one.

    Args:
        user: makes the pseudonym of a user from the digits after /users/.
    """
    head = text.partition("?")[0].partition("#")[0].replace("\\/", "/")
    found = _url(head)
    if found is None or not head:
        return None
    scheme, host, path = found.groups()
    if host is not None and _is_number(host.partition(":")[0]):
        host = "*"
    start = f"{scheme}://{host.lower()}" if host else ""
    return start + _path(path or "", user)


def _path(path: str, user: Callable[[str], str | None]) -> str:
    segments = path.split("/", _MOST_SEGMENTS)[:_MOST_SEGMENTS]
    kept: list[str] = []
    for before, segment in zip(["", *segments], segments, strict=False):
        if segment in _WORDS or not segment or (before in _BEFORE_ID and _digits(segment)):
            kept.append(segment)
        elif before == "users" and _digits(segment):
            kept.append(user(segment) or "*")
        else:
            kept.append("*")
    return "/".join(kept)


def browser(text: str) -> str | None:
    """Browser and system, without versions and names of devices; None if both are unknown."""
    return _browser(text[:_LONGEST_AGENT])


@lru_cache(maxsize=1_000)
def _browser(text: str) -> str | None:
    name = next((word for word in _BROWSERS if word in text), None)
    system = next((word for word in _SYSTEMS if word in text), None)
    return " ".join(filter(None, (name, system))) or None
