"""Posts messages to an address, and tries again what it refused, as Canvas does."""

from consumer.operations.posting.address import LATE, Address
from consumer.operations.posting.deliveries import RETRY_MINUTES, Deliveries
from consumer.operations.posting.posts import Posts

__all__ = ["LATE", "RETRY_MINUTES", "Address", "Deliveries", "Posts"]
