"""What every model of the catalog is: a typed, lenient, unchangeable view of what was received."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, PrivateAttr, model_serializer, model_validator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ModelWrapValidatorHandler, SerializationInfo, SerializerFunctionWrapHandler

    from consumer.messages import Format


class Record(BaseModel):
    """An object inside of an event, or an event: unknown fields stay, and can be read like others.

    Every field may be null or absent and is None then. `model_dump(mode="json", by_alias=True,
    exclude_unset=True)` gives exactly what was received. No value appears in a repr or in an error.
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

    #: By field: as it was received, where that differs from the value here.
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
        """The names of fields that the catalog does not have for this object."""
        return frozenset(self.__pydantic_extra__ or ())

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Nothing: what is in a field may be a person's."""
        return iter(())


class EventData(Record):
    """The data of an event: the body of a Canvas event, or a Caliper event.

    Itself it stands for an event that the catalog does not know: all its fields are unknown ones.
    """

    #: The Canvas name of the event, such as "submission_created"; "" for an unknown one.
    event_name: ClassVar[str] = ""
    event_format: ClassVar[Format | None] = None
    #: False where no payload has been published: what fields there are comes from code.
    documented: ClassVar[bool] = True
    #: False for a documented event that Canvas's public source does not send.
    in_source: ClassVar[bool] = True


class CanvasBody(EventData):
    """The `body` of an event in Canvas format."""

    event_format: ClassVar[Format | None] = "canvas"
    #: What the event is about: its kind, and the field with its id; ("", "") for nothing.
    entity: ClassVar[tuple[str, str]] = ("", "")
