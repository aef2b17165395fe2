"""Running what holds its thread for long beside gevent's hub, not in it."""

from collections.abc import Callable
from typing import TypeVar, cast

import gevent
from gevent import monkey

T = TypeVar("T")


def in_native_thread(work: Callable[[], T]) -> T:
    """Run work in a thread of the system where greenlets share one, else right here.

    The work must not raise what is expected: gevent's hub would tell it on standard
    error first.
    """
    if not monkey.is_module_patched("threading"):
        return work()
    return cast("T", gevent.get_hub().threadpool.apply(work))
