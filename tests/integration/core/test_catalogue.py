"""JOBS.md 28: a model is known if the database's catalogue has it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from backend.core.catalogue import Catalogue, SeenModel
from backend.core.db import Database, transaction
from backend.core.errors import DatabaseUnavailableError, ModelNotFoundError
from backend.core.models import Model

SEEN = SeenModel("tiny-chat:latest", "d1", 100, ("completion",), 2048)
EMBED = SeenModel("tiny-embed:latest", "d2", 50, ("embedding",), None)


def test_a_model_is_found_by_any_of_its_spellings(database: Database) -> None:
    catalogue = Catalogue(database)
    catalogue.seed(["tiny-chat:latest"])

    assert catalogue.require("library/Tiny-Chat").name == "tiny-chat:latest"
    with pytest.raises(ModelNotFoundError, match="'nope' is not in the catalogue"):
        catalogue.require("nope")


def test_what_the_operator_does_not_allow_is_unknown(database: Database) -> None:
    Catalogue(database).seed(["a:latest", "b:latest"])
    catalogue = Catalogue(database, allowed=["a:latest"])

    assert catalogue.require("a").allowed
    assert not catalogue.permits_name("B")
    with pytest.raises(ModelNotFoundError):
        catalogue.require("b")


def test_a_model_may_be_forbidden_in_the_catalogue(database: Database) -> None:
    catalogue = Catalogue(database)
    catalogue.seed(["a:latest"])
    with transaction(database.sessions) as session:
        row = session.get(Model, "a:latest")
        assert row is not None
        row.allowed = False
    catalogue.read()

    with pytest.raises(ModelNotFoundError):
        catalogue.require("a")


def test_the_copy_is_fresh_for_a_second_and_a_missing_name_looked_up_at_once(
    database: Database,
) -> None:
    now = [100.0]
    catalogue = Catalogue(database, clock=lambda: now[0])
    Catalogue(database).seed(["a:latest"])
    catalogue.require("a")
    Catalogue(database).seed(["b:latest"])

    assert catalogue.require("b").name == "b:latest"

    with transaction(database.sessions) as session:
        session.delete(session.get(Model, "a:latest"))
    assert catalogue.require("a").name == "a:latest"
    now[0] += 1.1
    with pytest.raises(ModelNotFoundError):
        catalogue.require("a")


def test_a_database_that_was_restarted_does_not_turn_known_models_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    catalogue = Catalogue(database, clock=lambda: now[0])
    catalogue.seed(["a:latest"])
    catalogue.require("a")
    now[0] += 1.1
    monkeypatch.setattr(catalogue, "read", _unavailable)

    assert catalogue.require("a").name == "a:latest"


def test_a_catalogue_that_was_never_read_knows_nothing_without_the_database(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = Catalogue(database)
    monkeypatch.setattr(catalogue, "read", _unavailable)

    with pytest.raises(DatabaseUnavailableError):
        catalogue.require("a")


def _unavailable() -> None:
    raise DatabaseUnavailableError


def test_what_is_there_stays_as_it_is(database: Database) -> None:
    catalogue = Catalogue(database)
    catalogue.seed(["a:latest"], preload=["b:latest"])
    catalogue.seed(["a:latest", "b:latest", "a:latest"], preload=["a:latest"])

    models = catalogue.read()
    assert not models["a:latest"].preload
    assert models["b:latest"].preload


def test_what_a_worker_saw_fills_the_catalogue(database: Database) -> None:
    catalogue = Catalogue(database)
    catalogue.record_installed("n", [SEEN, EMBED])
    catalogue.record_installed("m", [SEEN])
    catalogue.record_installed("n", [EMBED])

    assert {(one.node, one.model) for one in catalogue.installed()} == {
        ("n", "tiny-embed:latest"),
        ("m", "tiny-chat:latest"),
    }
    known = catalogue.require("tiny-chat")
    assert (known.capabilities, known.context_length) == ({"completion"}, 2048)
    assert not known.embeds_only
    assert catalogue.require("tiny-embed").embeds_only


def test_what_is_not_known_of_a_model_is_left_as_it_was(database: Database) -> None:
    catalogue = Catalogue(database)
    catalogue.record_installed("n", [SEEN])
    catalogue.record_installed("n", [SeenModel("tiny-chat:latest", "d", 1, None, None)])

    assert catalogue.require("tiny-chat").context_length == 2048


def test_many_workers_of_a_node_may_see_the_same_models_at_once(
    database: Database,
) -> None:
    seen = [SeenModel(f"m{n}:latest", "d", n, ("completion",), 1) for n in range(30)]

    def look(number: int) -> None:
        mine = seen if number % 2 else list(reversed(seen))
        for _ in range(5):
            Catalogue(database).record_installed("n", mine)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(look, range(4)))

    assert len(Catalogue(database).installed()) == 30
    assert len(Catalogue(database).read()) == 30


def test_what_ollama_says_of_a_model_is_kept_as_it_was_written(
    database: Database,
) -> None:
    catalogue = Catalogue(database)
    told = '{"b":1,"a":"\\u003c"}'
    described = replace(SEEN, modified_at="2026", details="{}", description=told)
    catalogue.record_installed("n", [SEEN])
    catalogue.record_installed("m", [described, EMBED])

    assert catalogue.description("tiny-chat:latest") == told
    assert catalogue.description("tiny-embed:latest") is None
    rows = {row.node: row for row in catalogue.installed("tiny-chat:latest")}
    assert set(rows) == {"n", "m"}
    assert (rows["m"].modified_at, rows["m"].details) == ("2026", "{}")


def test_only_a_model_that_is_nowhere_and_has_no_policy_is_forgotten(
    database: Database,
) -> None:
    catalogue = Catalogue(database)
    catalogue.seed(["gone:1", "forbidden:1", "slow:1", "slotted:1"], preload=["kept:1"])
    catalogue.record_installed("n", [SEEN])
    with transaction(database.sessions) as session:
        for name, field, value in (
            ("forbidden:1", "allowed", False),
            ("slow:1", "keep_alive_seconds", -1),
            ("slotted:1", "slots", 2),
        ):
            setattr(session.get(Model, name), field, value)

    for name in [*catalogue.read(), "never-there:1"]:
        catalogue.forget(name)

    assert set(catalogue.read()) == {
        "forbidden:1",
        "slow:1",
        "slotted:1",
        "kept:1",
        "tiny-chat:latest",
    }
