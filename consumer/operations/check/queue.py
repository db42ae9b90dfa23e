"""The queue itself: whether it is there, who may send to it, how it keeps messages."""

import math
from collections.abc import Iterator
from typing import Final

from consumer.operations.check.results import GREEN, RED, YELLOW, Result
from consumer.operations.check.site import Site
from consumer.queues.access import INSTRUCTURE_ACCOUNT, access_of
from consumer.queues.blueprint import DEFAULT_VISIBILITY_SECONDS, Blueprint, differences
from consumer.queues.rules import NAME_PREFIX
from consumer.queues.sqs.preflight import visibility_risk
from consumer.sqs_limits import MAX_RETENTION_SECONDS

_DAY: Final = 86_400
_LONG_VISIBILITY_SECONDS: Final = 3_600
#: Of an account that has nothing to do with the queue.
_STRANGER: Final = "000000000000"
#: What other checks judge; and what the daemon gives with each receive.
_JUDGED: Final = (
    "Policy", "RedrivePolicy", "MessageRetentionPeriod", "VisibilityTimeout",
    "SqsManagedSseEnabled", "ReceiveMessageWaitTimeSeconds",
)  # fmt: skip


def name(site: Site) -> Iterator[Result]:
    """It is there; does Canvas deliver to a queue of this name?"""
    finding = f"{site.calls.name} in {site.calls.region}"
    if site.calls.name.startswith(NAME_PREFIX):
        yield Result("queue", GREEN, finding)
    else:
        finding = f"{finding}: Canvas delivers only to names that begin with {NAME_PREFIX}"
        yield Result("queue", YELLOW, finding, "right for a dead-letter queue or a test only")


def sender(site: Site) -> Iterator[Result]:
    """Instructure's account may send, and not everyone."""
    if not site.calls.name.startswith(NAME_PREFIX):
        return  # Canvas does not deliver to it
    policy = site.attributes.get("Policy")
    access = access_of(policy, arn=site.arn)
    who = f"Instructure's account {INSTRUCTURE_ACCOUNT}"
    if access.verdict == "not allowed" and (site.only_sends or site.settings.has_webhook):
        yield Result("who may send", GREEN, f"the webhook; {who} may not, and need not")
    elif access.verdict == "not allowed":
        finding = f"{who} may not send (it need not if Canvas has an access key for the queue)"
        yield Result("who may send", RED, finding, site.repair())
    elif access.verdict == "denied":
        remedy = "remove that statement from the queue's access policy, or except Instructure in it"
        yield Result("who may send", RED, f"{who} may not send: {access.reason}", remedy)
    elif access.verdict == "cannot tell":
        remedy = site.consume("check --wait 300")
        yield Result("who may send", YELLOW, f"{who}: {access.reason}", remedy)
    elif access_of(policy, arn=site.arn, account=_STRANGER).verdict == "allowed":
        remedy = f"allow only arn:aws:iam::{INSTRUCTURE_ACCOUNT}:root to send"
        yield Result("who may send", YELLOW, "everyone, in every AWS account", remedy)
    else:
        yield Result("who may send", GREEN, who)


def retention(site: Site) -> Iterator[Result]:
    """How long events wait for a daemon that does not run."""
    seconds = site.parsed.retention_seconds
    if seconds is None:  # an emulator that does not tell
        yield Result("retention", YELLOW, "not known")
        return
    finding = f"messages are kept for {_span(seconds)}"
    if seconds >= MAX_RETENTION_SECONDS:
        yield Result("retention", GREEN, finding)
        return
    level = RED if seconds < _DAY else YELLOW
    finding = f"{finding}; after a longer outage of the daemon they are lost"
    yield Result("retention", level, finding, site.repair())


def visibility(site: Site) -> Iterator[Result]:
    """The visibility timeout: the setting's, else the queue's."""
    configured = site.settings.queue.visibility_timeout_seconds
    seconds = configured or site.parsed.visibility_timeout_seconds
    read = site.settings.queue.effective_read_timeout_seconds
    right = max(DEFAULT_VISIBILITY_SECONDS, math.ceil(read))
    risk = visibility_risk(seconds, read)
    if seconds and seconds > _LONG_VISIBILITY_SECONDS:
        risk = (
            f"the visibility timeout is {_span(seconds)}: after a crash of the daemon, the "
            "messages that it held wait so long"
        )
    remedy = site.set_attributes(site.url, VisibilityTimeout=str(right))
    if configured:
        remedy = f"set queue.visibility_timeout_seconds to {right}, or leave it out"
    if risk:
        yield Result("visibility timeout", YELLOW, risk, remedy)
    else:
        yield Result("visibility timeout", GREEN, f"{seconds or '?'} s; the heartbeat extends it")


def drift(site: Site) -> Iterator[Result]:
    """What else `consume queue create` would change."""
    wanted = Blueprint(site.arn).attributes()
    found = [d for d in differences(site.attributes, wanted) if d.attribute not in _JUDGED]
    if not found:
        yield Result("other settings", GREEN, "as `consume queue create` makes them")
        return
    texts = (f"{d.attribute} is {d.actual or 'not set'}, better {d.desired}" for d in found)
    yield Result("other settings", YELLOW, "; ".join(texts), site.repair())


def _span(seconds: int) -> str:
    for unit, name_ in ((_DAY, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit or seconds == unit:
            return f"{seconds / unit:g} {name_}" if seconds != unit else f"1 {name_[:-1]}"
    return f"{seconds} s"
