"""Reads the access policy of a queue: whom does it allow what? Pure."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

#: Instructure's AWS account, which sends Live Events.
INSTRUCTURE_ACCOUNT: Final = "636161780776"

Statement = Mapping[str, Any]
#: Yes, no, or None: it depends on something that can't be known here.
_Answer = bool | None

_ROOT: Final = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):root")
#: A user, role or session of an account; "*" is not accepted in the middle of a principal.
_MEMBER: Final = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::(\d{12}):.+")


@dataclass(frozen=True, slots=True)
class Access:
    """What a policy says about one action of one account, and why: for people."""

    verdict: Literal["allowed", "denied", "not allowed", "cannot tell"]
    reason: str


def statements_of(policy: str | None) -> list[Statement]:
    """The statements of a policy's JSON; none if the queue has no policy, or an empty one.

    Raises: `ValueError` if the text is not a policy.
    """
    document = json.loads(policy) if policy else {"Statement": []}
    found = document.get("Statement") if isinstance(document, dict) else None
    statements = [found] if isinstance(found, dict) else found
    if not isinstance(statements, list) or not all(isinstance(each, dict) for each in statements):
        raise ValueError("not a policy")
    return statements


def as_list(value: object) -> list[Any]:
    """An element of a policy that may be one value or a list of values."""
    return value if isinstance(value, list) else [value]


def access_of(
    policy: str | None, *, arn: str, action: str = "sqs:SendMessage",
    account: str = INSTRUCTURE_ACCOUNT,
) -> Access:  # fmt: skip
    """May this account do this with the queue, as far as the queue's own policy decides it?

    A condition that is not understood is "cannot tell", never a yes or a no. `action` may be
    "sqs:*": is everything allowed?
    """
    try:
        statements = statements_of(policy)
    except ValueError:
        return Access("cannot tell", "the policy can't be read")
    found: dict[tuple[bool, _Answer], str] = {}  # (denies?, for sure?) -> the first such statement
    for position, statement in enumerate(statements, start=1):
        answer = _applies(statement, arn, action, account)
        sid = statement.get("Sid")
        title = f"statement {sid!r}" if sid else f"statement {position}"
        found.setdefault((statement.get("Effect") == "Deny", answer), title)
    return _verdict(found, f"no statement allows {action} to account {account}")


def _verdict(found: Mapping[tuple[bool, _Answer], str], nothing: str) -> Access:
    denied, maybe_denied = found.get((True, True)), found.get((True, None))
    allowed, maybe_allowed = found.get((False, True)), found.get((False, None))
    if denied:
        return Access("denied", f"{denied} denies it")
    if not (allowed or maybe_allowed):
        return Access("not allowed", nothing)
    if maybe := maybe_denied or (maybe_allowed if not allowed else None):
        return Access("cannot tell", f"it depends on {maybe}")
    return Access("allowed", f"{allowed} allows it")


def _applies(statement: Statement, arn: str, action: str, account: str) -> _Answer:
    return _all(
        (
            _chosen(statement, "Action", lambda text: is_action(action, text)),
            _chosen(statement, "Resource", lambda text: _matches(text, arn)),
            _chosen_principal(statement, account),
            *_conditions(statement.get("Condition"), account),
        )
    )


def _all(answers: Iterable[_Answer]) -> _Answer:
    found = tuple(answers)
    return False if False in found else None if None in found else True


def _chosen(statement: Statement, element: str, matches: Callable[[str], bool]) -> bool:
    """Is it chosen by Action, or not by NotAction?"""
    if f"Not{element}" in statement:
        return not any(matches(str(text)) for text in as_list(statement[f"Not{element}"]))
    return any(matches(str(text)) for text in as_list(statement.get(element, [])))


def is_action(action: str, pattern: str) -> bool:
    """Is the action, or all of a pattern such as "sqs:*", among those of the other pattern?"""
    return _matches(pattern.lower(), action.lower())


def _matches(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text) is not None


def _chosen_principal(statement: Statement, account: str) -> _Answer:
    if "NotPrincipal" in statement:
        answer = _is_principal(statement["NotPrincipal"], account)
        return None if answer is None else not answer
    return _is_principal(statement.get("Principal"), account)


def _is_principal(principal: object, account: str) -> _Answer:
    """None: a user or role of this account, which may be the one that calls."""
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    answers = [_is_account(str(name), account) for name in as_list(named)]
    return True if True in answers else None if None in answers else False


def is_account(name: str, account: str) -> bool:
    """True if the name of a principal means the account as a whole, in any partition."""
    root = _ROOT.fullmatch(name)
    return (root[1] if root else name) == account


def _is_account(name: str, account: str) -> _Answer:
    if name == "*" or is_account(name, account):
        return True
    member = _MEMBER.fullmatch(name)
    return None if member and member[1] == account else False


def _conditions(condition: object, account: str) -> Iterable[_Answer]:
    """An answer for each key of each operator: all must hold."""
    if condition is None:
        return
    if not isinstance(condition, dict):
        yield None
        return
    for operator, keys in condition.items():
        for key, values in keys.items() if isinstance(keys, dict) else [("", None)]:
            yield _holds(str(operator).lower(), str(key).lower(), as_list(values), account)


def _holds(operator: str, key: str, values: list[Any], account: str) -> _Answer:
    """Only two conditions are known: Instructure's account, and that it calls with TLS."""
    if key == "aws:securetransport" and operator in ("bool", "boolifexists"):
        return "true" in {str(value).lower() for value in values}
    if key == "aws:principalaccount" and operator in ("stringequals", "stringlike"):
        return any(_matches(str(value), account) for value in values)
    return None
