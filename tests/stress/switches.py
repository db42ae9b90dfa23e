"""Lets the interpreter switch threads as often as it can, and in more places than it would."""

from __future__ import annotations

import contextlib
import sys
import threading
from pathlib import Path
from random import random
from typing import TYPE_CHECKING, Any

import consumer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

#: What threads share; and before which share of its bytecodes a thread stays: more in those that
#: are short and seldom entered.
_SHARED = {
    **dict.fromkeys(("engine/outbox", "engine/pool", "engine/receive", "engine/settle"), 1 / 400),
    **dict.fromkeys(("ledger/ledger", "ledger/duplicates"), 1 / 400),
    **dict.fromkeys(
        (
            "engine/admission",
            "engine/breaker",
            "engine/gate",
            "engine/inflight",
            "engine/lane",
            "engine/stats",
        ),
        1 / 300,
    ),
    "engine/call": 1 / 40,
}


@contextlib.contextmanager
def many_switches(seconds: float, *, opcodes: bool) -> Iterator[None]:
    """Switch threads that compute after `seconds`.

    CPython switches at calls and at the end of loops only, and not at some calls of built-in
    functions. So this version never switches within `n += 1` or `items.append(x); len(items)`, but
    others may. With `opcodes`, threads that start
    meanwhile call a function of ours before each bytecode of the parts that they share: each is a
    place where they may be switched. Now and then one stays there, so that others overtake it.
    """
    interval, trace = sys.getswitchinterval(), threading.gettrace()
    sys.setswitchinterval(seconds)
    if opcodes:
        threading.settrace(_trace_shared)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        threading.settrace(trace)


def _trace_shared(frame: FrameType, _event: str, _argument: Any) -> Any:
    if frame.f_code.co_filename not in TRACED:
        return None
    frame.f_trace_lines = False
    frame.f_trace_opcodes = True
    return _trace_opcode


def _trace_opcode(frame: FrameType, _event: str, _argument: Any) -> Any:
    if random() < TRACED[frame.f_code.co_filename]:
        _NEVER.acquire(timeout=_STAY_SECONDS)
    return _trace_opcode


_STAY_SECONDS = 0.0003
_NEVER = threading.Lock()
_NEVER.acquire()
_PACKAGE = Path(consumer.__file__).parent
TRACED = {str(_PACKAGE / f"{name}.py"): share for name, share in _SHARED.items()}
