"""Sample messages in both formats, for trying handlers, for the demo, tests and benchmarks.

They come from one made-up university for each seed, and are made from the models of the catalog:
any event that it knows, alone or in a realistic mix. The same seed gives the same bytes, in every
process and every Python.
"""

from consumer.events.samples.message import (
    START,
    SampleMessage,
    sample_message,
    sample_messages,
    shuffled,
    with_duplicates,
    with_malformed,
)
from consumer.events.samples.realistic import ASSET_SHARE, realistic_messages

__all__ = [
    "ASSET_SHARE",
    "START",
    "SampleMessage",
    "realistic_messages",
    "sample_message",
    "sample_messages",
    "shuffled",
    "with_duplicates",
    "with_malformed",
]
