"""The real API in processes of its own, as it runs in production."""

import sys
from pathlib import Path

import httpx

from tests.server_process import ServerProcess

_ROOT = Path(__file__).parents[2]


class ApiProcess(ServerProcess):
    """Run gunicorn on a free port while the `with` block runs.

    Args:
        folder: An existing folder for its log.
        database_url: A database with all tables.
        redis_url: Where Redis is.
        more: Further settings, by the names of their variables.
    """

    def __init__(
        self, folder: Path, *, database_url: str, redis_url: str, **more: str
    ) -> None:
        super().__init__(folder)
        self._environment = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "API_HOST": "127.0.0.1",
            "API_PORT": str(self.port),
            "API_WORKERS": "1",
            "PYTHONPATH": str(_ROOT),
        } | more

    @property
    def url(self) -> str:
        """Give the base URL."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """Return the command line of the image."""
        variables = [f"{name}={value}" for name, value in self._environment.items()]
        gunicorn = ["-m", "gunicorn", "-c", "backend/gunicorn.conf.py"]
        place = ["env", "-C", str(_ROOT), *variables]
        return [*place, sys.executable, *gunicorn, "backend.wsgi:app"]

    def answers(self) -> bool:
        """Return whether it is ready."""
        try:
            return httpx.get(f"{self.url}/health/live", timeout=5).is_success
        except httpx.TransportError:
            return False
