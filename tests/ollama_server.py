"""Own one simulated Ollama of a test run: start it, break it, look into it.

    with OllamaServer.start(num_parallel=4, tokens_per_second=50) as ollama:
        ollama.set_fault("tiny-chat", "hang", after_tokens=5, count=1)
        ...
        assert ollama.requests()[-1]["state"] == "client_closed"

The options are those of `infra/ollama-sim/main.py`, with underscores.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

from tests.server_process import ServerProcess

PROGRAM = Path(__file__).parents[1] / "infra" / "ollama-sim" / "main.py"
# As quick as it can be, but a pull takes long enough to be seen and interrupted.
DEFAULTS = {
    "load_seconds": 0,
    "tokens_per_second": 0,
    "embed_call_seconds": 0,
    "embed_text_seconds": 0,
    "pull_seconds": 0.2,
}


class _Process(ServerProcess):
    """The simulator's process."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        super().__init__(folder)
        self._options = options
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        flags = [
            f"--{name.replace('_', '-')}={_text(value)}"
            for name, value in self._options.items()
        ]
        listen = ["--host=127.0.0.1", f"--port={self.port}"]
        # The environment of the test run must not set the simulator's options.
        own = [f"-u{name}" for name in os.environ if name.startswith("OLLAMA_")]
        return ["env", *own, sys.executable, str(PROGRAM), *listen, *flags]

    def answers(self) -> bool:
        try:
            return httpx.get(self.url, trust_env=False).is_success
        except httpx.TransportError:
            return False


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, (list, tuple)) else str(value)


class OllamaServer:
    """A running simulator with what a test wants of it."""

    def __init__(self, process: _Process, folder: Any) -> None:
        self._process = process
        self._folder = folder
        self._http = httpx.Client(base_url=process.url, timeout=10, trust_env=False)

    @classmethod
    def start(cls, **options: Any) -> Self:
        """Start a simulator on a free port and return once it answers."""
        folder = tempfile.TemporaryDirectory(prefix="corral-ollama-")
        process = _Process(Path(folder.name), {**DEFAULTS, **options})
        process.start()
        return cls(process, folder)

    def stop(self) -> None:
        """End it."""
        self._http.close()
        self._process.stop()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL."""
        return self._process.url

    @property
    def base_url(self) -> str:
        """The base URL, as clients call it."""
        return self.url

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.kill()

    def restart(self) -> None:
        """Start it again on the same port, after a stop or a kill; it forgets all."""
        self._process.stop()
        self._process.start()

    def pause(self) -> None:
        """Freeze it: connections stay, nothing is answered."""
        self._process.pause()

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._process.resume()

    def configure(self, **settings: Any) -> dict[str, Any]:
        """Change settings while it runs, and return all of them."""
        return self._call("PUT", "/_sim/config", settings)

    def set_fault(self, model: str | None, mode: str, **fields: Any) -> None:
        """Set a fault for a model (or, with `path=`, a path) until it is used up.

        Args:
            model: A model's name; None is any.
            mode: One of the modes in the simulator's README.
            fields: count, after_tokens, seconds, probability, seed, status, text, path.
        """
        self._call("PUT", "/_sim/faults", {"model": model, "mode": mode, **fields})

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._call("DELETE", "/_sim/faults")

    def requests(self, **wanted: Any) -> list[dict[str, Any]]:
        """List the requests, the oldest first; only those with these fields."""
        found: list[dict[str, Any]] = self._call("GET", "/_sim/requests")["requests"]
        return [r for r in found if all(r[k] == v for k, v in wanted.items())]

    def stats(self) -> dict[str, Any]:
        """Return the counts."""
        return self._call("GET", "/_sim/stats")

    def reset(self) -> None:
        """Make it as new: no requests, counts, faults, loaded or pulled models."""
        self._call("POST", "/_sim/reset")

    def wait_for(
        self, is_so: Callable[[list[dict[str, Any]]], bool], seconds: float = 5
    ) -> list[dict[str, Any]]:
        """Return the requests as soon as they are as wished; fail after some time."""
        give_up_at = time.monotonic() + seconds
        while not is_so(found := self.requests()):
            if time.monotonic() > give_up_at:
                raise AssertionError(f"not so within {seconds} s: {found}")
            time.sleep(0.01)
        return found

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        response = self._http.request(method, path, json=body)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer
