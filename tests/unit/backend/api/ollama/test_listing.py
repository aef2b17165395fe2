"""Models as Ollama lists them."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from backend.api.calls.asking import Asked
from backend.api.ollama.admitting import not_found, unsupported
from backend.api.ollama.listing import in_full, in_memory, on_disk
from backend.api.ollama.unloading import Wish, is_kept, removable
from backend.api.ollama.versions import SPOKEN, oldest
from backend.core.catalogue import KnownModel
from backend.core.cluster import LoadedState, Snapshot
from backend.core.jobs.states import Kind
from backend.core.models import InstalledModel
from tests.factories import settings_for

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def known(name: str = "m:1", **over: Any) -> KnownModel:
    values: dict[str, Any] = {
        "name": name,
        "allowed": True,
        "preload": False,
        "capabilities": frozenset({"tools", "completion"}),
        "context_length": None,
        "keep_alive_seconds": None,
        "slots": None,
        "created_at": NOW,
    }
    return KnownModel(**(values | over))


def installed(model: str = "m:1", node: str = "a", **over: Any) -> InstalledModel:
    values: dict[str, Any] = {
        "digest": f"{node}-{model}",
        "size_bytes": 7,
        "seen_at": NOW,
        "modified_at": "2026-01-01T00:00:00.123456789Z",
        "details": '{"family":"llama"}',
    }
    return InstalledModel(node=node, model=model, **(values | over))


def snapshot(
    node: str = "a", *loaded: LoadedState, disk: tuple[str, ...] = ()
) -> Snapshot:
    return Snapshot(
        node=node,
        incarnation="i",
        worker="w",
        published_at=0.0,
        ollama_version="0.24.0",
        ollama_ok=True,
        memory_total=1,
        memory_available=1,
        concurrency=1,
        running=0,
        version="1",
        loaded=list(loaded),
        on_disk=list(disk),
    )


def loaded(name: str = "m:1", expires: str | None = None, **over: Any) -> LoadedState:
    values = {"size": 5, "size_vram": 4, "context_length": 2048} | over
    return LoadedState(name=name, expires_at=expires, **values)


CATALOGUE = {name: known(name) for name in ("m:1", "n:1")}


def test_a_model_on_disk_is_told_as_ollama_tells_it() -> None:
    assert on_disk([installed()], CATALOGUE) == [
        {
            "name": "m:1",
            "model": "m:1",
            "modified_at": "2026-01-01T00:00:00.123456789Z",
            "size": 7,
            "digest": "a-m:1",
            "details": {"family": "llama"},
            "capabilities": ["completion", "tools"],
        }
    ]


def test_models_are_listed_once_the_latest_first_and_only_those_that_may_be_used() -> (
    None
):
    late = "2026-03-01T00:00:00-07:00"
    rows = [
        installed("m:1"),
        installed("m:1", "b", modified_at="2026-02-01T00:00:00Z"),
        installed("n:1", modified_at=late),
        installed("secret:1"),
    ]

    listed = on_disk(rows, CATALOGUE)

    assert [(m["name"], m["digest"]) for m in listed] == [
        ("n:1", "a-n:1"),
        ("m:1", "b-m:1"),
    ]


def test_a_model_of_which_little_is_known_is_listed() -> None:
    row = installed(modified_at=None, details=None)

    (listed,) = on_disk([row], {"m:1": known(capabilities=None)})

    assert listed["modified_at"] == "2026-11-21T00:00:00Z"
    assert (listed["details"], listed["capabilities"]) == ({}, [])


def test_models_in_memory_are_listed_once_those_that_stay_longest_first() -> None:
    soon, later = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
    nodes = [
        snapshot("a", loaded("m:1", soon), loaded("n:1", soon), loaded("secret:1")),
        snapshot("b", loaded("m:1", later, size=9)),
    ]

    listed = in_memory(nodes, [installed("m:1")], CATALOGUE)

    assert [(m["name"], m["size"], m["digest"]) for m in listed] == [
        ("m:1", 9, "a-m:1"),
        ("n:1", 5, ""),
    ]
    assert listed[0]["expires_at"] == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize("expires", [None, "soon", "2026-01-01T00:00:00"])
def test_odd_times_of_expiry_hide_nothing(expires: str | None) -> None:
    (listed,) = in_memory(
        [snapshot("a", loaded(expires=expires, context_length=None))], [], CATALOGUE
    )

    assert listed["context_length"] == 0


def test_a_description_is_told_as_it_is() -> None:
    told = {
        "template": "t",
        "details": {"a": 1},
        "model_info": {"b": 2},
        "capabilities": ["x"],
        "modified_at": "then",
    }

    shown = in_full(orjson.dumps(told).decode(), installed(), known())

    assert list(shown.items()) == list(told.items())


def test_a_model_that_nobody_described_is_told_by_what_is_known() -> None:
    assert in_full(None, installed(), known()) == {
        "details": {"family": "llama"},
        "model_info": {},
        "capabilities": ["completion", "tools"],
        "modified_at": "2026-01-01T00:00:00.123456789Z",
    }


NODES = [
    snapshot("a", disk=("m:1",)),
    snapshot("b", disk=("n:1", "m:1")),
    snapshot("c"),
]


def wish(**over: bool) -> Wish:
    return Wish(
        "m:1", **({"by_admin": False, "is_kept": False, "is_busy": False} | over)
    )


def test_anybody_may_have_a_model_unloaded_that_nobody_wants() -> None:
    assert removable(wish(), NODES) == {"a", "b"}


@pytest.mark.parametrize("hindrance", ["is_kept", "is_busy"])
def test_what_is_kept_or_busy_stays_unless_an_administrator_asks(
    hindrance: str,
) -> None:
    assert removable(wish(**{hindrance: True}), NODES) == set()
    assert removable(wish(by_admin=True, **{hindrance: True}), NODES) == {"a", "b"}


def test_what_the_platform_keeps_is_preloaded_or_stays_for_ever() -> None:
    settings = settings_for(model_preload_list=("listed:1",))
    off = settings_for(model_preload_list=("listed:1",), model_preload_enabled=False)

    assert is_kept(known("listed:1"), settings)
    assert not is_kept(known("listed:1"), off)
    assert is_kept(known(preload=True), settings)
    assert is_kept(known(keep_alive_seconds=-1), settings)
    assert not is_kept(known(keep_alive_seconds=60), settings)


def test_the_version_is_that_of_the_oldest_node() -> None:
    assert oldest(["0.32.1", "0.9.10-sim", None]) == "0.9.10-sim"
    assert oldest([None]) == SPOKEN


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("request.tools", "registry.ollama.ai/library/m:latest does not support tools"),
        (
            "request.suffix",
            "registry.ollama.ai/library/m:latest does not support insert",
        ),
        ("request.think", '"m" does not support thinking'),
        ("request.messages.0.images", '"m" does not support vision'),
        ("kind", '"m" does not support chat'),
    ],
)
def test_what_a_model_cannot_do_is_told_in_ollamas_words(field: str, text: str) -> None:
    assert unsupported(Asked(Kind.CHAT, "m", {}), field) == text


def test_a_full_name_keeps_its_space() -> None:
    told = unsupported(Asked(Kind.CHAT, "me/m", {}), "request.tools")

    assert told.startswith("registry.ollama.ai/me/m:latest ")


def test_an_unknown_model_is_told_in_either_way() -> None:
    assert not_found("m").detail == "model 'm' not found"
    assert not_found("m", pull_hint=True).detail == (
        'model "m" not found, try pulling it first'
    )
