"""The real UI in a process of its own, as it runs in production."""

import sys
from pathlib import Path

import httpx

from tests.server_process import ServerProcess

_ROOT = Path(__file__).parents[2]


class UiServer(ServerProcess):
    """Run the UI on a free port while the `with` block runs.

    Args:
        folder: An existing folder for its log.
        api_url: The API that it talks to.
    """

    def __init__(self, folder: Path, api_url: str) -> None:
        super().__init__(folder)
        self._environment = {
            "CORRAL_API_URL": api_url,
            "UI_HOST": "127.0.0.1",
            "UI_PORT": str(self.port),
            "PYTHONPATH": str(_ROOT),
        }

    @property
    def url(self) -> str:
        """Give the base URL."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """Return the command line of the image."""
        variables = [f"{name}={value}" for name, value in self._environment.items()]
        return ["env", *variables, sys.executable, "-m", "frontend.main"]

    def answers(self) -> bool:
        """Return whether Streamlit's health route answers."""
        try:
            return httpx.get(f"{self.url}/_stcore/health", timeout=2).is_success
        except httpx.TransportError:
            return False
