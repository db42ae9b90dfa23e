"""As much of the AWS CLI as the README and `consume check` print, on boto3.

`aws SERVICE OPERATION --option value`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import boto3


def main(service: str, operation: str, *words: str) -> None:
    """Make the call to the endpoint in AWS_ENDPOINT, and print its answer."""
    options = dict(zip(words[::2], words[1::2], strict=True))
    region, endpoint = options.pop("--region", None), options.pop("--endpoint-url", None)
    arguments = {_camel(o.removeprefix("--")): _value(o, value) for o, value in options.items()}
    client = boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint or os.environ["AWS_ENDPOINT"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    answer = getattr(client, operation.replace("-", "_"))(**arguments)
    client.close()
    answer.pop("ResponseMetadata")
    print(json.dumps(answer, default=str))


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _value(option: str, value: str) -> object:
    return json.loads(value) if option == "--attributes" else _text(value)


def _text(value: str) -> str:
    path = value.removeprefix("file://")
    return value if path == value else Path(path).read_text(encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
