"""What the commands work with: the platform without a web server."""

from collections.abc import Iterator
from contextlib import contextmanager

from backend.api.container import Services, close, wire
from backend.core.db import open_database
from backend.core.settings import load_settings


@contextmanager
def platform() -> Iterator[Services]:
    """Wire the services for one command."""
    settings = load_settings()
    database = open_database(settings, connections=2)
    services = wire(settings, database)
    try:
        yield services
    finally:
        close(services)
