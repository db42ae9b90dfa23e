"""Finds what identifies a person in the names and texts of fields that nothing is known about."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from consumer.events.identifiers import URN
from consumer.events.privacy import scrub_text
from consumer.events.redaction import shortened
from consumer.events.redaction.fits import PERSONS

REMOVED: Final = "[removed]"
#: Longer texts seldom come again.
_SHORT: Final = 100

_SLASH = r"(?:\\?/|%(?:25)*2[fF]|&#x2[fF];|&#47;)"
#: Between a word and an id: also in JSON, in attributes, in parameters.
_SIGN = r"(?:[=:_/.\[-]|%(?:25)*(?:2[fF]|3[aAdD]))"
_MARKS = r"[\"'\\]{0,3}"
_QUOTES = r"(?:[\"'\\\[\]\s]|&quot;){0,5}"
#: After a word for a person. A small number after a blank is one of points, or a year.
_ID = (
    rf"(?:[^A-Za-z0-9]{{0,8}}[iI][dD]s?{_QUOTES}{_SIGN}{_QUOTES}[0-9]+|{_MARKS}{_SIGN}{_MARKS}[0-9]+"
    rf"|(?:[\"'\\]{{1,3}}\s?[:=]|\s?=){_QUOTES}[0-9]+|{_QUOTES}{_SIGN}{_QUOTES}[0-9]{{5,}}"
    rf"|(?:[ _-]?[iI][dD]s?)?[ #]{{1,3}}[0-9]{{5,}})"
)
_FINDINGS = re.compile(
    # Where one may begin; fast, because most of a text is none.
    r"(?=[/%&?\\:]|[hH][tT]|urn:|(?<![A-Za-z0-9])[A-Za-z0-9])(?:"
    rf"(?P<url>[hH][tT][tT][pP][sS]?:(?:\\?/){{2}}[^\s\"'<>]*)"
    rf"|(?P<urn>{URN}[^\s\"'<>,;)]*)"
    rf"|(?:{_SLASH}|(?<![\w-]))[uU]sers{_SLASH}[^\s\"'<>?&#]*"
    r"|(?P<path>(?<![\w/<.])/(?:about|accounts|api|courses|groups|sections)/[^\s\"'<>]*)"
    rf"|{_SLASH}~[^\s\"'<>?&#]*"
    # Also an asset string (user_123), an attribute (data-user-id="123"), several ids.
    rf"|(?<![A-Za-z0-9])(?i:{'|'.join(PERSONS)})[sS]?{_ID}(?:{_QUOTES},{_QUOTES}[0-9]+)*"
    r"|\?[\w%\[\].-]{1,100}=[^\s\"'<>]*"
    r"|(?<![\w-])eyJ[\w-]{8,}\.[\w.-]*"  # a signed token
    r"|(?<![\w.])(?P<ipv4>[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?![\w.]?[0-9])"
    r"|(?<![\w:])(?P<ipv6>[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?:\.[0-9.]{1,15})?)(?![\w:]))",
)
_AT = r"(?:[@\uff20\ufe6b]|%(?:25)*40|&#0*64;?|&#[xX]0*40;?|&commat;|\\u0040)"
_LOCAL = r"[\w.+'=%&#;!*~^-]"
#: From where no other can begin, so that a long text is not read again from each of its characters.
_EMAIL = re.compile(rf"(?<!{_LOCAL}){_LOCAL}+{_AT}[\w.-]+(?:{_LOCAL}+{_AT}[\w.-]+)*")
_has_at = re.compile(_AT).search
#: The ids in URNs that are a person's, or a session's.
_PERSON_IN_URN = re.compile(r"(user:)([^:]*)")
_SESSION_IN_URN = re.compile(r"(session:)(.+)", re.DOTALL)
_MEMBER_IN_URN = re.compile(r"([0-9]:[A-Z][A-Za-z]*:)([^:]*)")

#: Words, as patterns: neither `points_given` nor `peer_reviews` is personal.
_PERSONAL: Final = (
    "actor addr address addresses advisor alias annotation answer answers applicant assessee "
    "assessor assignee attendee attendees audience auth author authors avatar badge bcc bio birth "
    "birthdate birthday birthplace body browser by candidate candidates cc chat child comment "
    "comments contact contacts cookie creator creators credential credentials csrf customer "
    "device disability dob e_mail editor email emails employee employees eppn essay ethnicity "
    "evaluator excuse faculty family fax feedback fingerprint follower gender geo (?<!_)given gpa "
    "grader guardian guid handle html impersonated instructor instructors integration invitee "
    "invitees ip ipaddr ips jwt lat latitude learner learners lecturer login logins lon longitude "
    "mac mail masquerader matriculation member members mentee mentor message messages mobile name "
    "names nationality net_id netid nick nickname note notes observee observer orcid owner "
    "participant participants passcode passphrase passwd password patient peer(?!_review) people "
    "person persons phone photo picture postal principal proctor professor profile pronoun "
    "pronouns pseudonym pseudonyms pupil pupils pwd race rationale recipient recipients religion "
    "remark remarks replies reply response responses reviewer reviewers salary secret sender "
    "session sessions sex sid signature sis skype sourced sourcedid ssn staff street student "
    "students subject submitter subscriber surname ta teacher teachers tel text texts token "
    "tokens transcript tutor tutors twitter uid uids unique uploader upn user useragent username "
    "users usr uuid viewer viewers visitor"
)
#: Also with what often follows a word without a blank (`studentid`), and before a name.
_is_personal = re.compile(
    rf"(?:^|_)(?:(?:{'|'.join(_PERSONAL.split())})(?:ids?|no|number|address)?|[a-z0-9]*names?)"
    r"[0-9]*(?:_|$)"
).search
_is_user_id = re.compile(r"(?:^|_)(?:user|student|author|grader|teacher|person)_ids?$").search
_capital = re.compile(r"(?<=[a-z0-9])[A-Z]|(?<=[A-Z])[A-Z](?=[a-z])")
#: A key that is a name of a field, and no data.
_is_name = re.compile(r"(?!.*[0-9]{5})@?[A-Za-z_][A-Za-z0-9_.:-]{0,99}").fullmatch
#: No prose, and no structure inside a text.
_is_word = re.compile(r"[^\s\"'{}<>\[\]\\]{0,1000}").fullmatch


def judged(key: str) -> str:
    """What the name of an unknown field is: "data", "user id", "personal", or "" for no fault."""
    return _judged(key) if _is_name(key) else "data"


@lru_cache(maxsize=2_000)
def _judged(key: str) -> str:
    words = _capital.sub(lambda found: f"_{found[0]}", key).lower()
    words = re.sub(r"[^a-z0-9]+", "_", words)
    if _is_user_id(words):
        return "user id"
    return "personal" if _is_personal(words) else ""


def is_word(text: str) -> bool:
    """True for a text without blanks, quotes and brackets."""
    return _is_word(text) is not None


def cleaned(text: str, user: Callable[[str], str | None], session: Callable[[str], str]) -> str:
    """The text without e-mail and IP addresses, users, queries of URLs, and access tokens."""
    if len(text) <= _SHORT and _is_clean(text):
        return text

    def replaced(found: re.Match[str]) -> str:
        kind, whole = found.lastgroup, found[0]
        if kind in {"url", "path"}:
            return shortened.url(whole, user) or REMOVED
        if kind == "urn":
            return urn(whole, user, session)
        if kind == "ipv6" and (len(whole) < 3 or shortened.address(whole) is None):
            return whole
        return REMOVED

    text = _FINDINGS.sub(replaced, text)
    if _has_at(text):
        text = _EMAIL.sub(REMOVED, text)
    return scrub_text(text)


@lru_cache(maxsize=2_000)
def _is_clean(text: str) -> bool:
    """True if nothing is to be removed. Names of hosts and institutions come again and again."""
    return not (_FINDINGS.search(text) or _has_at(text)) and scrub_text(text) == text


def urn(text: str, user: Callable[[str], str | None], session: Callable[[str], str]) -> str:
    """A URN of Canvas, with pseudonyms in place of the ids of users and sessions."""

    def of_user(found: re.Match[str]) -> str:
        return found[1] + (user(found[2]) or "*")

    text = _PERSON_IN_URN.sub(of_user, text)
    text = _MEMBER_IN_URN.sub(of_user, text)
    return _SESSION_IN_URN.sub(lambda found: found[1] + session(found[2]), text)
