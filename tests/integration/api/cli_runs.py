"""Running commands, for tests."""

from collections.abc import Callable

from click.testing import Result

ADMIN_KEY = "corral-" + "a" * 32


Run = Callable[..., Result]
