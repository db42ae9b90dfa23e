"""Ends a process that a handler has forked: it must not become a second consumer."""

import contextlib
import os
import sys
import threading

#: How long the child's output may take to be written.
FLUSH_SECONDS = 1.0

_forks = 0


def _count() -> None:
    global _forks  # noqa: PLW0603 - the only thing that survives the fork
    _forks += 1


# In the child alone, and before anything else runs there.
os.register_at_fork(after_in_child=_count)


class ForkGuard:
    """Ends a forked child where it would enter the engine. Made in the process that consumes."""

    def __init__(self) -> None:
        self._forks = _forks

    def check(self, error: BaseException | None = None) -> None:
        """Call it when user code returned or raised: does not return in a child of this process.

        The child has no heartbeat and shares the ledger's file with its parent: it must neither
        settle the message nor receive others. It exits with the code of its `sys.exit`, 0 after a
        return, 1 after any other exception. Nothing is cleaned up: the parent still uses it all.
        """
        if _forks == self._forks:
            return
        with contextlib.suppress(Exception):
            # In a thread: it blocks for good if another thread of the parent held a stream's lock
            # at the moment of the fork.
            flushing = threading.Thread(target=_flush, daemon=True)
            flushing.start()
            flushing.join(FLUSH_SECONDS)
        code = error.code if isinstance(error, SystemExit) else int(error is not None)
        os._exit(code & 0xFF if isinstance(code, int) else int(code is not None))


def _flush() -> None:
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
