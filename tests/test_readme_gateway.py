"""README.md, API Gateway to SQS: the template is valid, and makes what the text says."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from consumer.cli.config import REPOSITORY
from consumer.config.models import QueueSettings

README = (REPOSITORY / "README.md").read_text()
SECTION = README[README.index("### API Gateway to SQS") :].split("\n## ")[0]


class _Loader(yaml.SafeLoader):
    """Reads what a function is called with instead of its result."""


_Loader.add_multi_constructor("!", lambda _loader, _function, node: node.value)


@pytest.fixture(name="template")
def _template() -> str:
    """The file that the command names, with the parameters that it sets."""
    (script,) = re.findall(r"<!-- test: api gateway -->\n```sh\n(.*?)```", SECTION, re.DOTALL)
    (file,) = re.findall(r"--template-body file://(\S+)", script)
    text: str = (REPOSITORY / file).read_text()
    parameters = yaml.load(text, _Loader)["Parameters"]
    assert re.findall(r"ParameterKey=(\w+),", script) == [*parameters]
    assert "--capabilities CAPABILITY_IAM" in script
    return text


def test_cloudformation_takes_it(template: str) -> None:
    """By the rules of its own linter, without an error or a warning."""
    api = pytest.importorskip("cfnlint.api")

    found = [str(match) for match in api.lint_all(template) if match.rule.id[0] != "I"]

    assert [] == found


def test_each_body_goes_into_the_queue(template: str) -> None:
    """As it is, whatever its type; and the answer is good only if SQS has it."""
    made: dict[str, Any] = yaml.load(template, _Loader)["Resources"]

    integration = made["Post"]["Properties"]["Integration"]
    assert integration["Uri"].endswith(":sqs:path/${AWS::AccountId}/${QueueName}")
    assert "NEVER" == integration["PassthroughBehavior"]  # else the body would be the request
    send = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"
    assert {send} == set(integration["RequestTemplates"].values())
    assert {"application/json", "application/jwt"} <= integration["RequestTemplates"].keys()
    good, other = integration["IntegrationResponses"]
    assert "200" == good["StatusCode"]
    assert re.fullmatch(good["SelectionPattern"], "200")
    assert not re.fullmatch(good["SelectionPattern"], "400")
    assert {"StatusCode": "503"} == other
    (policy,) = made["Role"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert "sqs:SendMessage" == statement["Action"]
    assert statement["Resource"].endswith(":${QueueName}")


def test_the_configuration_can_be_used() -> None:
    """It requires signatures."""
    (text,) = re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)

    assert "required" == QueueSettings(**yaml.safe_load(text)["queue"]).signed.mode
