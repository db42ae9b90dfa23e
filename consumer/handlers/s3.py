"""The S3 handler: events as JSON lines in compressed objects, in a folder for each day."""

import gzip
import re
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from hashlib import sha256
from typing import Any, Final

from consumer.clock import Clock
from consumer.errors import BatchFailure, Unavailable
from consumer.handlers.aws.failures import RefusedError, unavailable
from consumer.handlers.aws.options import client_maker
from consumer.handlers.aws.service import Service
from consumer.handlers.loading.factories import HandlerEnvironment, Options
from consumer.handlers.records import each_made, encoded, line_of, utc_text
from consumer.handlers.registering.registry import Registry
from consumer.messages import Context, Event

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KMS_KEY: Final = re.compile(r"arn:aws[\w-]*:kms:[\w-]+:[0-9]{12}:key/[\w-]+")
#: S3 allows 1,024 for a key.
_MAX_PREFIX_BYTES: Final = 900
_MAX_OBJECT_BYTES: Final = 64 * 1024 * 1024
#: That an object of this name is there already. The status alone may be a proxy's.
_THERE: Final = "PreconditionFailed"
#: Events whose objects are kept; some may never come again here: another process got them.
_MOST_KEPT: Final = 100_000


def factory(name: str, options: Mapping[str, Any], environment: HandlerEnvironment) -> Registry:
    """Make the handler; AWS is called with the first event.

    Options: bucket, prefix (""), max_object_bytes (64 MiB, before compression), kms_key (an ARN),
    scrub_secrets (true), region, endpoint_url. Raises ConfigurationError.
    """
    read = Options(name, options)
    bucket, kms_key = read.text("bucket"), read.text("kms_key")
    if bucket is None or not _BUCKET.fullmatch(bucket):
        raise read.wrong("bucket", "the name of a bucket, such as example-canvas-events")
    if kms_key is not None and not _KMS_KEY.fullmatch(kms_key):
        raise read.wrong("kms_key", "the ARN of a key: arn:aws:kms:...:key/...")
    prefix = (read.text("prefix") or "").strip("/")
    if len(prefix.encode()) > _MAX_PREFIX_BYTES:
        raise read.wrong("prefix", f"at most {_MAX_PREFIX_BYTES} bytes long")
    store = Store(
        Service(client_maker(read, environment, "s3"), prefix="s3", target=f"bucket {bucket!r}"),
        name=name,
        bucket=bucket,
        prefix=f"{prefix}/" if prefix else "",
        encryption=encryption_by(kms_key),
        max_object_bytes=read.whole_number("max_object_bytes", _MAX_OBJECT_BYTES, least=1),
        scrub_secrets=read.flag("scrub_secrets", default=True),
        clock=environment.clock,
    )
    read.end()
    registry = Registry()
    registry.add(
        store.land, "*", name=name, batch=1000, linger_seconds=60,
        close=store.service.close, check_destination=store.check,
    )  # fmt: skip
    return registry


def encryption_by(kms_key: str | None) -> dict[str, str]:
    """How S3 encrypts an object: with the key, or as the bucket is configured."""
    return {} if kms_key is None else {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}


class _Object:
    """Lines that S3 gets in one piece, until it has them."""

    def __init__(self, key: str, lines: Sequence[bytes]) -> None:
        self.key = key
        #: The same lines are always the same bytes. None once it landed.
        self.body: bytes | None = gzip.compress(b"".join(lines), 6, mtime=0)


class _Objects:
    """The object of each event that has not landed. Any thread may call any method.

    So the same object is put again, although its events come in other batches.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[str, _Object] = {}

    def take(self, key: str) -> _Object | None:
        """That of an event that came again; from now on it is not kept."""
        with self._lock:
            return self._objects.pop(key, None)

    def keep(self, objects: Mapping[str, _Object]) -> None:
        """Keep these; the oldest are forgotten."""
        with self._lock:
            self._objects.update(objects)
            while len(self._objects) > _MOST_KEPT:
                del self._objects[next(iter(self._objects))]


class Store:
    """Puts each batch of events into objects, one for each day. Any thread may call any method.

    The name of an object is made of its events, and it is only put where there is none. So a batch
    whose outcome is not known, because the connection ended, is put again without a duplicate.
    """

    def __init__(
        self, service: Service, *, name: str, bucket: str, prefix: str,
        encryption: Mapping[str, str], max_object_bytes: int, scrub_secrets: bool, clock: Clock,
    ) -> None:  # fmt: skip
        self.service = service
        self._name = name
        self._bucket = bucket
        self._prefix = prefix
        self._encryption = encryption
        self._max_object_bytes = max_object_bytes
        self._scrub_secrets = scrub_secrets
        self._clock = clock
        self._objects = _Objects()

    def land(self, events: Sequence[Event], _context: Context) -> None:
        """Returns when S3 has confirmed every object.

        Raises: `Unavailable` if S3 can't be used; `BatchFailure` if some objects landed before, and
        for events of which no line can be made.
        """
        objects: dict[str, _Object] = {}
        new: dict[str, Event] = {}
        for event in events:
            known = self._objects.take(event.key)
            if known is None:
                new[event.key] = event
            else:
                objects[event.key] = known
        errors: dict[str, Exception] = {}
        objects |= self._made_of(new, errors)
        try:
            for made in dict.fromkeys(objects.values()):
                self._put(made)
        except Unavailable as error:
            left = {key: made for key, made in objects.items() if made.body is not None}
            self._objects.keep(left)
            if len(left) == len(objects) and not errors:
                raise
            errors |= dict.fromkeys(left, error)
        if errors:
            raise BatchFailure(
                {event: errors[event.key] for event in events if event.key in errors}
            )

    def check(self) -> str:
        """See `Handler.check_destination`."""
        return self.service.check("HeadBucket", needs="s3:ListBucket", Bucket=self._bucket)

    def _made_of(
        self, events: Mapping[str, Event], errors: dict[str, Exception]
    ) -> dict[str, _Object]:
        """The object of each event, by its key; or the reason why there is none."""
        now = self._clock.now()
        received_at = utc_text(now)
        lines_made, failures = each_made(
            events.values(),
            lambda event: encoded([line_of(event, received_at, scrub_secrets=self._scrub_secrets)]),
        )
        errors |= {event.key: error for event, error in failures.items()}
        days: dict[str, dict[str, bytes]] = {}
        for event, line in lines_made:
            day = str((event.time or now).astimezone(UTC).date())
            days.setdefault(day, {})[event.key] = line
        made: dict[str, _Object] = {}
        for day, lines in days.items():
            for part in self._parts(lines):
                made |= dict.fromkeys(part, self._object(day, part))
        return made

    def _parts(self, lines: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
        """The lines in parts that are not larger than allowed, but for one line that is."""
        part: dict[str, bytes] = {}
        size = 0
        for key, line in lines.items():
            if part and size + len(line) > self._max_object_bytes:
                yield part
                part, size = {}, 0
            part[key] = line
            size += len(line)
        if part:
            yield part

    def _object(self, day: str, lines: Mapping[str, bytes]) -> _Object:
        # With the handler's name: another one may write other lines of the same events.
        digest = sha256("\n".join([self._name, *sorted(lines)]).encode()).hexdigest()[:32]
        key = f"{self._prefix}event_date={day}/{digest}.jsonl.gz"
        return _Object(key, list(lines.values()))

    def _put(self, made: _Object) -> None:
        body = made.body
        if body is None:  # landed with a call for others of its events
            return
        try:
            answer = self.service.call(
                "PutObject", Bucket=self._bucket, Key=made.key, Body=body,
                # No Content-Encoding: the object is a compressed file, and stays one when it is
                # read; its name says so to Athena, Spark and DuckDB.
                ContentType="application/gzip",
                ChecksumSHA256=b64encode(sha256(body).digest()).decode(),
                IfNoneMatch="*",
                **self._encryption,
            )  # fmt: skip
        except RefusedError as error:
            if error.code != _THERE:
                action, target = self.service.action("PutObject"), self.service.target
                raise unavailable(error.code, action, target) from None
        else:
            if not answer.get("ETag"):
                raise self.service.not_understood()
        made.body = None
