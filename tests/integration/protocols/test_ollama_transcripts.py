"""What was recorded from a real Ollama holds for Corral's `/api`.

The exchanges of a file follow from each other, so they are replayed once, in order;
then each is a test of its own. What differs is in `ollama_deviations`, and in the docs.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backend.core.keys import Scope
from tests.conftest import migrated
from tests.contract.ollama_transcripts import Recorded, Reply, recorded
from tests.contract.test_ollama_sim_transcripts import TINY, ask, named
from tests.integration.protocols.ollama_deviations import DEVIATIONS, idle, unexplained
from tests.platform import running
from tests.servers import MariaDbServer

pytestmark = pytest.mark.xdist_group("ollama-api-transcripts")  # replayed once
DOCS = Path(__file__).parents[3] / "docs" / "ollama.md"
# These are about a server with one slot, one model in memory and a queue of two: here a
# request waits, and the platform decides what is in memory and how.
OF_A_SMALL_SERVER = (
    "busy model",
    "eight at once",
    "twelve at once",
    "unload tiny-",
    "ps after num_ctx",
)
# A killed runner: test_ollama_python.
KILLED = ("runner killed",)
EXCHANGES = [
    each
    for file in ("api.jsonl", "load-and-faults.jsonl")
    for each in recorded(file)
    if not each.path.startswith("/v1/")
    and not each.name.startswith(OF_A_SMALL_SERVER + KILLED)
]
Replies = list[Reply]


@pytest.fixture(scope="module")
def replies(
    mariadb: MariaDbServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replies]:
    folder: Path = tmp_path_factory.mktemp("transcripts")
    url = migrated(mariadb.create_database("corral_transcripts"))
    with running(
        folder,
        database_url=url,
        simulator={"models": TINY, "registry": "offline"},
        # A pull that fails is tried again, which need not take long here.
        RETRY_BASE_DELAY="10",
        RETRY_MAX_DELAY="20",
    ) as platform:
        headers = {"Authorization": f"Bearer {platform.key('root', *Scope)}"}
        with httpx.Client(
            base_url=platform.url, headers=headers, timeout=60, trust_env=False
        ) as client:
            _wait_for_models(client)
            yield [ask(client, exchange) for exchange in EXCHANGES]


def _wait_for_models(client: httpx.Client) -> None:
    give_up_at = time.monotonic() + 20
    while len(client.get("/api/tags").json()["models"]) < len(TINY):
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


@pytest.mark.parametrize("number", range(len(EXCHANGES)), ids=named(EXCHANGES))
def test_an_answer_is_like_the_recorded_one(replies: Replies, number: int) -> None:
    exchange, actual = EXCHANGES[number], replies[number]

    if exchange.path == "/api/version":
        assert actual.body == {"version": "0.24.0-sim"}
    else:
        assert unexplained(exchange, actual) == []


def test_each_deviation_is_there(replies: Replies) -> None:
    pairs: list[tuple[Recorded, Reply]] = list(zip(EXCHANGES, replies, strict=True))

    assert idle(pairs) == set()


@pytest.mark.parametrize("told", sorted({each.told for each in DEVIATIONS}))
def test_each_deviation_is_told(told: str) -> None:
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| ")]

    assert any(row.startswith(f"| {told}") for row in rows)
