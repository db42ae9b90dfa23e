"""README.md, API Gateway to SQS: the template is valid, and makes what the text says."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml

from consumer.cli.config import REPOSITORY
from consumer.config.models import QueueSettings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.moto_queues import Moto

README = (REPOSITORY / "README.md").read_text()
SECTION = README[README.index("### API Gateway to SQS") :].split("\n## ")[0]
ACCOUNT = "123456789012"


@pytest.fixture(name="template")
def _template(tmp_path: Path) -> str:
    """What the first command writes."""
    (script,) = re.findall(r"<!-- test: api gateway -->\n```sh\n(.*?)```", SECTION, re.DOTALL)
    command, calls = script.split("YAML\naws ", 1)
    assert "--template-body file://canvas-https.yaml --capabilities CAPABILITY_IAM" in calls
    subprocess.run(["/bin/bash", "-e", "-c", f"{command}YAML\n"], cwd=tmp_path, check=True)
    return (tmp_path / "canvas-https.yaml").read_text()


def test_cloudformation_takes_it(template: str) -> None:
    """By the rules of its own linter, without an error or a warning."""
    api = pytest.importorskip("cfnlint.api")

    found = [str(match) for match in api.lint_all(template) if match.rule.id[0] != "I"]

    assert [] == found


def test_it_makes_an_address_that_puts_each_body_into_the_queue(moto: Moto, template: str) -> None:
    """As it is, whatever its type; and the answer is good only if SQS has it."""

    def client(service: str) -> Any:
        return boto3.client(
            service, endpoint_url=moto.endpoint, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip

    template = template.split("  Deployment:\n")[0]  # moto does not know all that follows
    stacks, gateway = client("cloudformation"), client("apigateway")
    stacks.create_stack(
        StackName="canvas-https", TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
    )
    made = {
        resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
        for resource in stacks.describe_stack_resources(StackName="canvas-https")["StackResources"]
    }

    api = made["Api"]
    (root,) = gateway.get_resources(restApiId=api)["items"]
    integration = gateway.get_integration(restApiId=api, resourceId=root["id"], httpMethod="POST")
    assert integration["credentials"].endswith(f":role/{made['Role']}")
    assert integration["uri"].endswith(f":sqs:path/{ACCOUNT}/canvas-live-events-prod")
    send = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"
    assert {send} == set(integration["requestTemplates"].values())
    assert {"application/json", "application/jwt"} <= integration["requestTemplates"].keys()
    answers = integration["integrationResponses"]
    assert re.fullmatch(answers["200"]["selectionPattern"], "200")
    assert not answers["503"].get("selectionPattern")
    for each in (stacks, gateway):
        each.close()


def test_the_configuration_can_be_used() -> None:
    """It requires signatures."""
    (text,) = re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)

    assert "required" == QueueSettings(**yaml.safe_load(text)["queue"]).signed.mode
