"""The defects that the simulation must find."""

from __future__ import annotations

from typing import Final

from tests.planted import Defect

DEFECTS: Final = (
    Defect(
        "a receive that fails keeps its reservation",
        "engine/receive.py",
        """\
        finally:
            # Whatever happened, the reservation ends here: what came is held, the rest is free.
            self._admit""",
        """\
        else:
            self._admit""",
    ),
    Defect(
        "a visibility change that fails keeps its messages",
        "engine/outbox.py",
        """\
        finally:
            self._in_flight.release(change.message for change in leaving)""",
        """\
        else:
            self._in_flight.release(change.message for change in leaving)""",
    ),
    Defect(
        "Failed entries of a delete are taken for deleted",
        "engine/outbox.py",
        "            if failure is None:\n                done",
        "            if True:\n                done",
    ),
    Defect(
        "messages are deleted before they are handled",
        "engine/flow.py",
        "        message.calls = len(work)\n",
        """\
        message.calls = len(work)
        self.settler.ack([message])
        self.settler.outbox.send(partial=True)
""",
    ),
    Defect(
        "one of two handlers failed, and the message is deleted",
        "engine/flow.py",
        "message.verdict() if message.others else",
        "message.verdict() if message.others and not message.succeeded else",
    ),
    Defect(
        "a part of a batch failed, and all of it is deleted",
        "engine/invoke.py",
        "            outcomes.append(self._failure(handler, entry, failure))",
        "            outcomes.append(ACK)",
    ),
    Defect(
        "the heartbeat ends when the drain begins",
        "engine/worker.py",
        "        self.stop()\n        parts",
        "        self.stop()\n        self.threads.ended.set()\n        parts",
    ),
    Defect(
        "nothing is renewed",
        "engine/heartbeat.py",
        "                    self._renew(messages, self._enough())\n",
        "                    pass\n",
    ),
    Defect(
        "renewals go beyond twelve hours",
        "engine/heartbeat.py",
        "accepted_seconds(seconds, now - message.received_at)",
        "seconds",
    ),
    Defect(
        "a renewal is counted from its answer and not from its call",
        "engine/heartbeat.py",
        "                message.visible_at = now + hidden",
        "                message.visible_at = self._clock.monotonic() + hidden",
    ),
    Defect(
        "a retry goes beyond twelve hours",
        "engine/outbox.py",
        "accepted_seconds(0 if m.recalled else n, now - m.received_at)",
        "n",
    ),
    Defect(
        "what could not be deleted is not in the ledger",
        "engine/outbox.py",
        "            self._ledger.keep(message.message_id, message.succeeded)",
        "            self._ledger.forget([message.message_id])",
    ),
    Defect(
        "the ledger goes by receipt handle",
        "engine/outbox.py",
        "            self._ledger.keep(message.message_id, message.succeeded)",
        "            self._ledger.keep(message.receipt_handle, message.succeeded)",
    ),
    Defect(
        "what succeeded beside a failure is not in the ledger",
        "engine/settle.py",
        """\
            # Before the message can be delivered again: what succeeded must not run twice.
            self.ledger.keep(message.message_id, message.succeeded)""",
        """\
            pass""",
    ),
    Defect(
        "a message in flight that comes again is handled once more",
        "engine/inflight.py",
        "                if known is not None:\n",
        "                if known is not None and False:\n",
    ),
    Defect(
        "a copy of an event that failed is taken for handled",
        "ledger/duplicates.py",
        "                if handled:\n",
        "                if True:\n",
    ),
    Defect(
        "poison is deleted before it is in quarantine",
        "engine/settle.py",
        "            self.quarantine.put(message.received, reason, name)",
        """\
            self.ack([message])
            self.outbox.send(partial=True)
            self.quarantine.put(message.received, reason, name)""",
    ),
    Defect(
        "poison is deleted though the quarantine is full",
        "engine/settle.py",
        "            _log.error(log_events.QUARANTINE_FAILED, **facts)\n            return False",
        "            return True",
    ),
    Defect(
        "what can't be decoded is deleted",
        "engine/flow.py",
        "            self.settler.settle(message, events)\n",
        "            self.settler.ack([message])\n",
    ),
    Defect(
        "the capacity is not respected",
        "engine/inflight.py",
        "        return max(room, 0)",
        "        return wanted",
    ),
    Defect(
        "the drain gives back nothing that still runs",
        "engine/worker.py",
        '            parts.settler.release(parts.in_flight.snapshot(), counter="abandoned")\n',
        "",
    ),
    Defect(
        "a drain waits for handlers whatever its deadline says",
        "engine/worker.py",
        "            if while_waiting(left) or left <= 0 or self._broken():",
        "            if while_waiting(left) or self._broken() or left <= -100:",
    ),
    Defect(
        "what is handled is not written to the ledger's file",
        "ledger/ledger.py",
        "            rows = self._write(database, groups)",
        "            rows = None",
    ),
    Defect(
        "what succeeded is written to the ledger's file only with its delete",
        "engine/threads.py",
        "        parts.ledger.commit(tidy=True)\n",
        "",
    ),
    Defect(
        "the ledger's file keeps the rows of deleted messages",
        "ledger/ledger.py",
        "                self._unneeded.append(row)\n",
        "",
    ),
    Defect(
        "a new process does not read the ledger's file",
        "ledger/ledger.py",
        "                self._kept[message_id] = steps\n",
        "",
    ),
    Defect(
        "what succeeded beside a handler that still runs is forgotten",
        "engine/settle.py",
        """\
        for message in given_back:
            if message.succeeded:
                self.ledger.keep(message.message_id, message.succeeded)
""",
        """\
        self.ledger.forget(message.message_id for message in given_back)
""",
    ),
    Defect(
        "what is released stays hidden",
        "engine/settle.py",
        "            self.outbox.changes.add(Change(message, 0) for message in given_back)",
        "            self.outbox._in_flight.release(given_back)",
    ),
    Defect(
        "who waits at a handler's gate is forgotten",
        "engine/admission.py",
        "            if following is not None:\n                self.ready.append(following)",
        "            pass",
    ),
    Defect(
        "who waits for the rate limit is forgotten",
        "engine/gate.py",
        "                due.append(self._waiting.popleft())",
        "                self._waiting.popleft()",
    ),
    Defect(
        "of events that are coalesced only the newest is settled",
        "engine/call.py",
        "            self.entries.sort(key=time_of)",
        "            self.entries = sorted(self.entries, key=time_of)[-1:]",
    ),
    Defect(
        "a handler that raises keeps its place at the gate",
        "engine/flow.py",
        "        finally:\n            if call.has_place:",
        """\
        finally:
            if call.has_place and outcomes[0].verdict == "ack":""",
    ),
    Defect(
        "a breaker that closes forgets what it has held",
        "engine/breaker.py",
        "            held = self._take_all()\n        if was_open",
        "            self._take_all()\n            held = []\n        if was_open",
    ),
    Defect(
        "a breaker never tries again",
        "engine/flow.py",
        "        self.admission.add_probes()\n",
        "",
    ),
    Defect(
        "what waits for a handler that works again waits for an hour",
        "engine/waiting.py",
        "            heapq.heappush(self._handles.setdefault(handler, []), entry)\n",
        "            return 3600.0\n",
    ),
    Defect(
        "a breaker stops receives though other handlers work",
        "engine/admission.py",
        "if not pausing or (len(failing) < len(self._breakers) and not self._waiting.full):",
        "if not pausing:",
    ),
    Defect(
        "batches wait for ever",
        "engine/flow.py",
        "        self.admission.ready.extend(self.batches.take())\n",
        "",
    ),
    Defect(
        "an event whose predicate or key failed is forgotten",
        "engine/flow.py",
        "            self._judge(call, [group])\n            return",
        "            return",
    ),
    Defect(
        "an event whose predicate or key failed is taken for handled",
        "engine/flow.py",
        "            self._judge(call, [group])\n            return",
        "            self._end(call, [ACK])\n            return",
    ),
    Defect(
        "a delete that is refused is sent for ever",
        "engine/outbox.py",
        "failure.gone or self._is_last(entry[0])",
        "failure.gone",
    ),
    Defect(
        "an event counts as being handled for ever",
        "ledger/duplicates.py",
        "                self._busy.pop(key, None)\n",
        "",
    ),
    Defect(
        "a transient failure ends the process",
        "engine/receive.py",
        "            pause = self.failures.note(error, began, worked=self.succeeded)",
        "            self.failures.note(error, began, worked=self.succeeded)\n            raise",
    ),
)  # fmt: skip
