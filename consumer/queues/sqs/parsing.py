"""Reads SQS's answers as the JSON they are, at a fifth of the CPU time of a drained message.

botocore walks through an answer along its model of the service, for each value of each message. The
answers to the frequent calls need none of that: their names are those of the model, their values
texts. (Binary message attributes stay in base64; nobody here reads them.) What is no JSON object is
an error, where botocore sees an answer that says nothing: a proxy's page is not an empty queue.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.parsers import JSONParser, ResponseParserError, ResponseParserFactory

_SHAPES = frozenset(
    {"ReceiveMessageResult", "DeleteMessageBatchResult", "ChangeMessageVisibilityBatchResult"}
)
_FIRST_ERROR_STATUS = 300


class AnswerParserFactory(ResponseParserFactory):  # type: ignore[misc]  # botocore is not typed
    """A session's component `response_parser_factory`. Every thread may use its parsers."""

    def create_parser(self, protocol_name: str) -> Any:
        """Ours for JSON, botocore's for everything else."""
        if protocol_name == "json":
            return _PARSER
        return super().create_parser(protocol_name)


class _AnswerParser(JSONParser):  # type: ignore[misc]  # botocore is not typed
    def parse(self, response: dict[str, Any], shape: Any) -> Any:
        """The answer as botocore would give it, without what is null or not modelled left out."""
        status = response["status_code"]
        if status >= _FIRST_ERROR_STATUS or shape is None or shape.name not in _SHAPES:
            return super().parse(response, shape)
        try:
            answer = json.loads(response["body"])
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise ResponseParserError("the answer is not a JSON object")
        answer["ResponseMetadata"] = {
            "HTTPStatusCode": status,
            "HTTPHeaders": dict(response["headers"]),
        }
        return answer


_PARSER = _AnswerParser()
