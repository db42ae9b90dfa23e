"""What of a person an event shows: which fields are kept, replaced, shortened or dropped.

Pure: text in, text out. `Redaction` makes the redacted event, `explain` says what it does with each
field. Nothing here is anonymous: see the section "Pseudonyms and redaction" in README.md.
"""

from consumer.events.redaction.pseudonyms import Pseudonyms as Pseudonyms
from consumer.events.redaction.redact import Redaction as Redaction
from consumer.events.redaction.rules import Profile as Profile
