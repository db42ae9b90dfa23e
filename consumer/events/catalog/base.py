"""The base classes of all models: typed, lenient, read-only views of received data."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from consumer.messages import Format

from .fields import marks_of


class Record(BaseModel):
    """An event, or an object in an event. Unknown fields are kept and can be read like others.

    Any field may be null or absent, and is then None. `model_dump(mode="json", by_alias=True,
    exclude_unset=True)` returns exactly what was received. A repr or an error contains no values.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
        ser_json_inf_nan="constants",
        protected_namespaces=(),
        use_attribute_docstrings=False,
    )

    #: By field: the received value, where it differs from the value here.
    _received: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _remember(cls, received: Any, validate: ModelWrapValidatorHandler[Any]) -> Any:
        record = validate(received)
        if isinstance(received, Mapping):
            values = record.__dict__
            for name, field in cls.__pydantic_fields__.items():
                key = field.alias or name
                value = received.get(key)
                if value is None:
                    continue
                ours = values[name]
                if value.__class__ is not ours.__class__ or value != ours:
                    record._received[name] = value  # noqa: SLF001 - our own
        return record

    @model_serializer(mode="wrap")
    def _as_received(
        self, dump: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        dumped: dict[str, Any] = dump(self)
        if info.mode == "json":
            fields = type(self).__pydantic_fields__
            for name, value in self._received.items():
                key = (fields[name].alias or name) if info.by_alias else name
                if key in dumped:
                    dumped[key] = value
        return dumped

    def written(self, name: str) -> Any:
        """The value of a field as it was received, such as the text of a timestamp."""
        return self._received.get(name, getattr(self, name))

    def unknown_fields(self) -> frozenset[str]:
        """The names of received fields that the catalog does not list for this object."""
        return frozenset(self.__pydantic_extra__ or ())

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Nothing, because any value may be personal data."""
        return iter(())


class EventData(Record):
    """The data of an event: the body of a Canvas event, or a Caliper event.

    Used as it is for an event that the catalog does not list: all its fields are unknown fields.
    A subclass is the model of one event, named after its class (`SubmissionCreated` is the model of
    "submission_created"), unless it says otherwise.

    Args:
        event_name: the name of the event, if it does not follow from the name of the class.
        abstract: True for a base class of several events, which has no event name.
        documented: False if no payload was published: its fields are known from source code or
            receivers. Also for subclasses, as `in_source`.
        in_source: False for a documented event that Canvas's public source does not send.
    """

    #: The Canvas name of the event, such as "submission_created"; "" for a base class.
    event_name: ClassVar[str] = ""
    event_format: ClassVar[Format | None] = None
    documented: ClassVar[bool] = True
    in_source: ClassVar[bool] = True

    def __init_subclass__(
        cls,
        *,
        event_name: str = "",
        abstract: bool = False,
        documented: bool = True,
        in_source: bool = True,
        **more: Any,
    ) -> None:
        super().__init_subclass__(**more)
        cls.documented = cls.documented and documented
        cls.in_source = cls.in_source and in_source
        if event_name:
            cls.event_name = event_name
        elif not abstract and not cls.event_name and "[" not in cls.__name__:  # EventAbout[Course]
            cls.event_name = re.sub(r"\B[A-Z]", r"_\g<0>", cls.__name__).lower()


class CanvasBody(EventData, abstract=True):
    """The `body` of an event in Canvas format.

    Args:
        entity: the kind of thing that the event is about, and the field with its id; ("", "") for
            nothing. By default it is what the first field identifies.
    """

    event_format: ClassVar[Format | None] = "canvas"
    _entity: ClassVar[tuple[str, str] | None] = None

    def __init_subclass__(cls, *, entity: tuple[str, str] | None = None, **more: Any) -> None:
        super().__init_subclass__(**more)
        if entity is not None:
            cls._entity = entity

    @classmethod
    def entity(cls) -> tuple[str, str]:
        """The kind of thing that the event is about, and the field with its id, or ("", "")."""
        if cls._entity is not None:
            return cls._entity
        name, field = next(iter(cls.__pydantic_fields__.items()), ("", None))
        kind = marks_of(field).of if field else ""
        return (kind, name) if kind else ("", "")
