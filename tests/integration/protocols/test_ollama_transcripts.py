import httpx

from backend.core.keys import Scope
from tests.conftest import migrated
from tests.contract.likeness import differences
from tests.contract.ollama_transcripts import recorded
from tests.contract.test_ollama_sim_transcripts import TINY, ask
from tests.platform import running


def test_dump(mariadb, tmp_path):
    url = migrated(mariadb.create_database("corral_transcripts"))
    import time

    with running(
        tmp_path,
        database_url=url,
        simulator={"models": TINY, "registry": "offline", "load_seconds": 0.2},
        RETRY_BASE_DELAY="20",
        RETRY_MAX_DELAY="50",
    ) as platform:
        key = platform.key("root", *Scope)
        with httpx.Client(
            base_url=platform.url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
            trust_env=False,
        ) as c:
            time.sleep(3)
            for f in ("api.jsonl", "load-and-faults.jsonl"):
                for n, e in enumerate(recorded(f)):
                    if e.path.startswith("/v1"):
                        continue
                    t = time.time()
                    r = ask(c, e)
                    ds = differences(e.reply, r)
                    print(
                        f"{f[:3]} {n} {e.name} [{time.time() - t:.2f}s]: {'ok' if not ds else ''}"
                    )
                    for d in ds:
                        print("      ", d[:400])
    assert 0
