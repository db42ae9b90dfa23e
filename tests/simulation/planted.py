"""Defects as replacements of text: the simulation must find each, planted into a copy."""

from __future__ import annotations

from typing import Final, NamedTuple


class Defect(NamedTuple):
    """`old` stands once in the file `path` of the package; `new` is the same with the defect."""

    name: str
    path: str
    old: str
    new: str


DEFECTS: Final = (
    Defect(
        "a receive that fails keeps its reservation",
        "engine/poller.py",
        """\
        finally:
            # Whatever happened, the reservation ends here: what came is held, the rest is free.
            slots =""",
        """\
        else:
            slots =""",
    ),
    Defect(
        "a visibility change that fails keeps its slots",
        "engine/settler.py",
        """\
        finally:
            self._in_flight.release(slot for slot, _ in batch)""",
        """\
        else:
            self._in_flight.release(slot for slot, _ in batch)""",
    ),
    Defect(
        "Failed entries of a delete are taken for deleted",
        "engine/settler.py",
        "            elif failure is None:\n                done",
        "            elif True:\n                done",
    ),
    Defect(
        "messages are deleted before they are handled",
        "engine/pipeline.py",
        "        delivery = Delivery(slot, events, work)\n",
        """\
        delivery = Delivery(slot, events, work)
        self._settler.ack(slot, [])
        self._settler.flush(everything=True)
""",
    ),
    Defect(
        "one of two handlers failed, and the message is deleted",
        "engine/delivery.py",
        "        if not self._failed:",
        "        if self._succeeded or not self._failed:",
    ),
    Defect(
        "a part of a batch failed, and all of it is deleted",
        "engine/invoke.py",
        "            outcomes.append(self._failed(handler, event, slot, error))",
        "            outcomes.append(Outcome.ack())",
    ),
    Defect(
        "the heartbeat ends when the drain begins",
        "engine/worker.py",
        "        self.stop()\n        drain",
        "        self.stop()\n        self._ended.set()\n        drain",
    ),
    Defect(
        "nothing is renewed",
        "engine/heartbeat.py",
        "            self._renew(batch)\n",
        "            pass\n",
    ),
    Defect(
        "renewals go beyond twelve hours",
        "engine/heartbeat.py",
        "max(1, min(self._timeout, int(remaining)))",
        "self._timeout",
    ),
    Defect(
        "a retry goes beyond twelve hours",
        "engine/visibility.py",
        "    return max(1, min(math.ceil(wanted_seconds), math.floor(remaining)))",
        "    return max(1, math.ceil(wanted_seconds))",
    ),
    Defect(
        "what could not be deleted is not in the ledger",
        "engine/settler.py",
        "            self._ledger.record(slot.message.message_id, steps)",
        "            pass",
    ),
    Defect(
        "the ledger goes by receipt handle",
        "engine/settler.py",
        "            self._ledger.record(slot.message.message_id, steps)",
        "            self._ledger.record(slot.receipt_handle, steps)",
    ),
    Defect(
        "what succeeded beside a failure is not in the ledger",
        "engine/pipeline.py",
        """\
            self._ledger.record(slot.message.message_id, delivery.succeeded)
        if outcome""",
        """\
            pass
        if outcome""",
    ),
    Defect(
        "a message in flight that comes again is handled once more",
        "engine/inflight.py",
        "                if known is not None:\n",
        "                if known is not None and False:\n",
    ),
    Defect(
        "a copy of an event that failed is taken for handled",
        "engine/duplicates.py",
        "                if handled:\n",
        "                if True:\n",
    ),
    Defect(
        "poison is deleted before it is in quarantine",
        "engine/pipeline.py",
        "                self._quarantine.put(slot.message, outcome.reason)",
        """\
                self._settler.ack(slot, [])
                self._settler.flush(everything=True)
                self._quarantine.put(slot.message, outcome.reason)""",
    ),
    Defect(
        "poison is deleted though the quarantine is full",
        "engine/pipeline.py",
        "                _log.error(log_events.QUARANTINE_FAILED, **facts)\n",
        """\
                self._settler.ack(slot, [])
                return
""",
    ),
    Defect(
        "what can't be decoded is deleted",
        "engine/pipeline.py",
        "            self._reject(slot, outcome_of(error))",
        "            self._settler.ack(slot, [])",
    ),
    Defect(
        "the capacity is not respected",
        "engine/inflight.py",
        "        return max(room, 0)",
        "        return wanted",
    ),
    Defect(
        "the drain gives back nothing that still runs",
        "engine/drain.py",
        '        self.settler.release(running, counter="abandoned")\n',
        "",
    ),
    Defect(
        "what is handled is not written to the ledger's file",
        "engine/ledger.py",
        "        row = self._journal.write(new) if new else None",
        "        row = None",
    ),
    Defect(
        "a new process does not read the ledger's file",
        "engine/ledger.py",
        "    return Ledger(journal=journal, loaded=loaded)",
        "    return Ledger(journal=journal)",
    ),
    Defect(
        "what succeeded beside a handler that still runs is forgotten",
        "engine/drain.py",
        "        self.pipeline.note_unfinished(running)\n",
        "",
    ),
    Defect(
        "what is released stays hidden",
        "engine/settler.py",
        "            self._changes += [(slot, 0) for slot in slots]",
        "            self._in_flight.release(slots)",
    ),
    Defect(
        "who waits at a handler's gate is forgotten",
        "engine/admission.py",
        "            if following is not None:\n                self._enqueue(following)",
        "            pass",
    ),
    Defect(
        "a handler that raises keeps its place at the gate",
        "engine/pipeline.py",
        "                finally:\n                    self.admission.leave(delivery, handler)",
        """\
                finally:
                    if outcomes[0].verdict == "ack":
                        self.admission.leave(delivery, handler)""",
    ),
    Defect(
        "a breaker that closes forgets what it has kept",
        "engine/breaker.py",
        "            kept = self._take_all()",
        "            self._take_all()\n            kept = []",
    ),
    Defect(
        "a breaker never tries again",
        "engine/worker.py",
        "        self.crew.put(self.pipeline.admission.probes())\n",
        "",
    ),
    Defect(
        "a delete that is refused is sent for ever",
        "engine/settler.py",
        "failure.gone or slot.failed_deletes + 1 >= MAX_ATTEMPTS",
        "failure.gone",
    ),
    Defect(
        "an event counts as being handled for ever",
        "engine/duplicates.py",
        "                self._busy.pop(key, None)\n",
        "",
    ),
    Defect(
        "a transient failure ends the process",
        "engine/poller.py",
        "            pause = self._note_failure(error, began)",
        "            self._note_failure(error, began)\n            raise",
    ),
)  # fmt: skip
