"""Amazon SQS behind the port. The only room that imports boto3 and botocore for the queue."""

from consumer.queues.sqs.clients import AwsClients
from consumer.queues.sqs.failures import CredentialsError
from consumer.queues.sqs.preflight import QueueCheck, check_queue
from consumer.queues.sqs.queue import SqsTransport, connect

__all__ = ["AwsClients", "CredentialsError", "QueueCheck", "SqsTransport", "check_queue", "connect"]
