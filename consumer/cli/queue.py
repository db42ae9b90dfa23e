"""`consume queue`: sets up the queue in AWS, and prints what AWS must allow the daemon."""

import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from consumer.cli.logs import log_to_stderr
from consumer.cli.options import (
    aws_options,
    dlq_name_option,
    help_end,
    json_option,
    matching,
    overrides_of,
    queue_options,
)
from consumer.cli.output import echo, echo_result, note, report, terminal_width

if TYPE_CHECKING:
    from consumer.config import QueueSettings, Settings
    from consumer.operations.queue_setup import SetUp


_account_option: Final = click.option(
    "--account", metavar="ID", callback=matching(r"[0-9]{12}", "12 digits"),
    help="Your AWS account, for the queue's ARN.",
)  # fmt: skip
_PRINT_EXAMPLE: Final = "consume queue create canvas-live-events-prod --print"


@click.group("queue", short_help="Set up the queue in AWS.")
def queue_group() -> None:
    """Create the queue in AWS, and print the permissions that the daemon needs."""


@queue_group.command(
    short_help="Create the queue and its dead-letter queue.",
    epilog=help_end(
        "consume queue create canvas-live-events-prod --region us-east-1",
        "consume queue create canvas-live-events-prod --profile admin --dry-run",
        f"{_PRINT_EXAMPLE} cloudformation > queue.yaml",
        f"{_PRINT_EXAMPLE} policy --account 123456789012",
        codes={
            0: "the queues are as they should be; a warning says if Canvas may not send to them",
            2: "wrong options",
            75: "SQS could not be reached, or the queue was deleted less than a minute ago",
            77: "credentials are missing, wrong or not allowed to do this",
            78: "the configuration can't be used, or Canvas could not deliver to a queue of that "
            "name",
        },
    ),
)
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option(
    "--all-actions", is_flag=True,
    help="Allow Instructure's account all that a policy can allow (sqs:*), as in its own guide. "
    "Default: to send messages, and to look at the queue.",
)  # fmt: skip
@click.option(
    "--print", "printed", type=click.Choice(["cloudformation", "policy"]),
    help="Print a CloudFormation template (YAML), or the queue's access policy (JSON), and do not "
    "call AWS.",
)  # fmt: skip
@_account_option
@aws_options
@json_option
def create(
    name: str, *, dry_run: bool, all_actions: bool, printed: str | None, account: str | None,
    as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Create the queue NAME for Canvas, and its dead-letter queue NAME-dlq.

    NAME must begin with canvas-live-events. The policy of the queue allows Instructure's account to
    send messages. A message that was received 5 times and not deleted moves to the dead-letter
    queue. Both queues keep messages until they are 14 days old.

    The command can be run again. It then changes what is not good enough, shows each change, and
    keeps the rest: higher numbers, other statements of the policy, tags, a KMS key, another
    dead-letter queue. It never deletes a queue or a message.

    Your identity needs sqs:GetQueueUrl, sqs:GetQueueAttributes, sqs:CreateQueue and
    sqs:SetQueueAttributes; for queues that exist sqs:ListDeadLetterSourceQueues, too.
    """
    from consumer.operations.queue_setup import queue_to_set_up, visibility_seconds
    from consumer.queues.blueprint import ALL_ACTIONS, SENDER_ACTIONS

    if account and printed != "policy":
        raise click.UsageError("--account is an option of --print policy")
    settings = _settings(options)
    queue = queue_to_set_up(name, settings.queue, settings.aws)
    actions = ALL_ACTIONS if all_actions else SENDER_ACTIONS
    seconds = visibility_seconds(queue)
    if printed:
        _print(printed, name, seconds, actions, region=settings.aws.region, account=account)
        return
    from consumer.cli.queue_page import facts_of, page

    done = _set_up(queue, settings, seconds, actions, dry_run=dry_run)
    report("\n".join(done.warnings), kind="warning")
    lines = page(
        done, terminal_width(), dry_run=dry_run, options=options, configured=settings.queue
    )
    echo_result(facts_of(done, dry_run=dry_run), lines, as_json=as_json)


def _set_up(
    queue: "QueueSettings", settings: "Settings", seconds: int, actions: tuple[str, ...], *,
    dry_run: bool,
) -> "SetUp":  # fmt: skip
    from consumer.clock import SystemClock
    from consumer.operations.queue_setup import QueueSetup
    from consumer.queues.sqs.admin import AwsCalls

    calls = AwsCalls(queue, settings.aws)
    try:
        return QueueSetup(calls, clock=SystemClock(), dry_run=dry_run).run(seconds, actions)
    finally:
        calls.close()


def _print(
    what: str, name: str, seconds: int, actions: tuple[str, ...], *, region: str | None,
    account: str | None,
) -> None:  # fmt: skip
    from consumer.operations.queue_permissions import likely_arn
    from consumer.operations.queue_template import cloudformation
    from consumer.queues.blueprint import access_policy

    if what == "cloudformation":
        echo(cloudformation(name, seconds, actions).rstrip())
        return
    arn, notes = likely_arn(name, region=region, account=account)
    _print_policy(access_policy(arn, actions), notes)


@queue_group.command(
    short_help="Print the permissions that the daemon needs.",
    epilog=help_end(
        "consume queue iam -c config.yaml > consumer-policy.json",
        "consume queue iam -c config.yaml --redrive",
        "aws iam create-policy --policy-name canvas-live-events-consumer \\",
        "  --policy-document file://consumer-policy.json",
        codes={0: "printed", 2: "wrong options", 78: "the configuration can't be used"},
    ),
)
@click.option(
    "--redrive", is_flag=True,
    help="Also what moving and replaying messages of the dead-letter queue needs.",
)  # fmt: skip
@dlq_name_option("the queue's name and -dlq")
@click.option(
    "--kms-key", "kms_keys", metavar="ARN", multiple=True,
    callback=matching(r"arn:[a-z-]+:kms:\S+:key/\S+", "the ARN of a key: arn:aws:kms:...:key/..."),
    help="ARN of a KMS key that encrypts the queues. Can be given several times.",
)  # fmt: skip
@_account_option
@queue_options
@click.option("--json", is_flag=True, expose_value=False, help="No effect: a policy is JSON.")
def iam(
    *, redrive: bool, dlq_name: str | None, kms_keys: tuple[str, ...],
    account: str | None, **options: Any,
) -> None:  # fmt: skip
    """Print the IAM policy with the least permissions that the daemon needs.

    It depends on the configuration: the queue, whether it is configured by its name, the
    quarantine's queue, handlers that send events to AWS, and the role. AWS is not called.
    """
    from consumer.operations.queue_permissions import permissions_of

    permissions, notes = permissions_of(
        _settings(options, require_queue=True),
        account=account,
        dead_letter_queue=dlq_name,
        redrive=redrive,
        kms_keys=kms_keys,
    )
    _print_policy(permissions.document(), notes)


def _settings(options: Mapping[str, Any], *, require_queue: bool = False) -> "Settings":
    from consumer.config import load

    loaded = load(
        options["config_file"],
        environ=os.environ,
        overrides=overrides_of(options),
        require_queue=require_queue,
        outside_service=True,
    )
    report("\n".join(loaded.warnings), kind="warning")
    log_to_stderr()
    return loaded.settings


def _print_policy(document: Mapping[str, Any], notes: Iterable[str]) -> None:
    note("\n".join(notes))
    echo(json.dumps(document, indent=2))
