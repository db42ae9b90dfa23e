"""The floor of any boto3 program: receive ten, delete ten, one thread, defaults, nothing else.

It asks for no attributes, looks at no body and reads no answer: a person who only wanted to empty
a queue would write this.
"""

from __future__ import annotations

import argparse

import boto3


def drain(queue_url: str, endpoint_url: str, messages: int) -> None:
    """Receive and delete until `messages` are deleted."""
    client = boto3.client("sqs", endpoint_url=endpoint_url)
    left = messages
    while left > 0:
        response = client.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=20
        )
        received = response.get("Messages", [])
        if not received:
            continue
        client.delete_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(position), "ReceiptHandle": message["ReceiptHandle"]}
                for position, message in enumerate(received)
            ],
        )
        left -= len(received)


def main() -> None:
    """Read the command line and drain."""
    parser = argparse.ArgumentParser(description="A bare boto3 loop that empties a queue.")
    parser.add_argument("--queue-url", required=True)
    parser.add_argument("--endpoint-url", required=True)
    parser.add_argument("--messages", type=int, required=True)
    options = parser.parse_args()
    drain(options.queue_url, options.endpoint_url, options.messages)


if __name__ == "__main__":
    main()
