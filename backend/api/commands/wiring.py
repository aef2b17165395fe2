"""What the commands work with: the platform without a web server."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from backend.api.container import Services, close, wire
from backend.core.db import open_database
from backend.core.settings import load_settings


@contextmanager
def platform(environ: Mapping[str, str] | None = None) -> Iterator[Services]:
    """Wire the services for one command; `environ` is looked at for misspelt names."""
    settings = load_settings(environ)
    database = open_database(settings, connections=2)
    services = wire(settings, database)
    try:
        yield services
    finally:
        close(services)
