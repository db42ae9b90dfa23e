"""What `consume demo` says."""

from __future__ import annotations

# No line is longer than 80 characters, but for paths that are.
INTRODUCTION = """\
Canvas Live Events consumer: a demonstration on this machine, without AWS.

An SQS server runs in this process now, with the queue {queue}
and its dead-letter queue. {sent} messages were sent to it, as Canvas would:
{events} events in both formats, one of them once more (a duplicate delivery), and
one message that is no event at all. One of the handlers will fail on one event
the first time it sees it.

The daemon starts. It stops when the queue has stayed empty for a long poll
of {wait} s."""

REPORT = """
What happened
  received            {received:5d}  messages in {receives} calls; {redelivered} came again
  handled             {handled:5d}  messages: all who asked for them succeeded
  tried again         {failed:5d}  after a handler failed; it came again
  dead-letter queue   {dead:5d}  not decodable: put off {rejected} times, then moved there
  deleted             {deleted:5d}  messages, each only after it was handled
  duplicates          {duplicates:5d}  came twice, as two messages with the same event key
  left in the queue   {left:5d}

Handled, by event"""

ARCHIVE = """
The archive: every handled event, one JSON line each
  {archive}
Look at it
  {consume} decode \\
    {first}
  head -n 1 \\
    {first} \\
    | python3 -m json.tool"""

KEEP = """
The queue stays until you press Ctrl-C here. From a second terminal:
  AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret} \\
    {consume} --handler log --queue-url \\
    {url}
{again} more sample messages were sent for it."""
