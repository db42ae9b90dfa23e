"""What the checks look at: settings, the queue's answers, and who asks."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from consumer.clock import Clock
from consumer.config import Settings
from consumer.queues.arns import arn_of_url
from consumer.queues.blueprint import parsed
from consumer.queues.permissions import Permissions
from consumer.queues.sqs.admin import AwsCalls
from consumer.queues.sqs.preflight import attributes_of
from consumer.queues.transport import QueueAttributes

#: Of its own, so that no other policy is replaced.
POLICY_NAME: Final = "canvas-live-events-as-checked"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs the calls, as STS answers."""

    account: str
    arn: str

    @property
    def kind(self) -> str:
        """What it is, without its name."""
        resource = self.arn.rpartition(":")[2]
        kinds = {"user": "an IAM user", "assumed-role": "a role", "root": "the root user"}
        kind = resource.partition("/")[0]
        return kinds.get(kind, "a federated user")


@dataclass(frozen=True, slots=True)
class Site:
    """One installation. A single thread looks at it."""

    settings: Settings
    calls: AwsCalls = field(repr=False)
    clock: Clock
    config_file: Path | None
    #: None: STS did not answer.
    identity: Identity | None
    url: str = ""
    #: By SQS's names, as texts. Without the permission to ask for them only QueueArn.
    attributes: Mapping[str, str] = field(default_factory=dict)
    #: The configuration is that of the webhook's unit, whose identity only sends.
    only_sends: bool = False

    @property
    def arn(self) -> str:
        """The queue's."""
        return self.attributes["QueueArn"]

    @property
    def parsed(self) -> QueueAttributes:
        """The attributes as numbers."""
        return attributes_of(self.attributes)

    @property
    def dead_letter_arn(self) -> str:
        """The ARN of the dead-letter queue; "" if there is none."""
        return str(parsed(self.attributes.get("RedrivePolicy")).get("deadLetterTargetArn", ""))

    def repair(self) -> str:
        """The command that makes the queue what it should be."""
        return self.command("consume queue create", self.calls.name)

    def consume(self, words: str) -> str:
        """A command of this program about the same queue."""
        if self.config_file:
            return f"consume {words} --config {shlex.quote(str(self.config_file))}"
        return self.command(f"consume {words} --queue-url {shlex.quote(self.url)}")

    def command(self, *words: str) -> str:
        """A command about a queue of this region."""
        endpoint = self.calls.endpoint_url
        more = [f"--endpoint-url {shlex.quote(endpoint)}"] if endpoint else []
        return " ".join([*words, f"--region {shlex.quote(self.calls.region)}", *more])

    def set_attributes(self, url: str, **attributes: str) -> str:
        """The command that sets attributes of a queue."""
        where, pairs = shlex.quote(url), shlex.quote(json.dumps(attributes))
        return self.command(
            f"aws sqs set-queue-attributes --queue-url {where} --attributes {pairs}"
        )

    def allow(self) -> str:
        """How to allow the daemon all that it needs: a command if it is known for whom."""
        quarantine, region = self.settings.quarantine.queue_url, self.calls.region
        key = self.attributes.get("KmsMasterKeyId", "")
        by_name, keys = self.settings.queue.url is None, [key] if key.startswith("arn:") else []
        if self.only_sends:
            return self._allow(Permissions(self.arn, by_name, sending="only", kms_key_arns=keys))
        policy = Permissions(
            self.arn,
            kms_key_arns=keys,
            by_name=by_name,
            quarantine_arn=arn_of_url(quarantine, region=region) if quarantine else None,
            dead_letter_arn=self.dead_letter_arn or None,
            sending="also" if self.settings.has_webhook else "no",
        )
        return self._allow(policy)

    def _allow(self, policy: Permissions) -> str:
        document = json.dumps(policy.document())
        principal = re.search(r":(user|assumed-role)/(?:.*/)?([^/]+)", self._principal())
        if principal is None:
            return f"allow these credentials: {document}"
        kind = principal[1].removeprefix("assumed-")
        return (
            f"aws iam put-{kind}-policy --{kind}-name {principal[2]} "
            f"--policy-name {POLICY_NAME} --policy-document {shlex.quote(document)}"
        )

    def _principal(self) -> str:
        """The ARN of the user or role; without the session, which is its last part."""
        arn = self.identity.arn if self.identity else ""
        return arn.rpartition("/")[0] if ":assumed-role/" in arn else arn
