"""What MySQL does with our statements; `make test` asks MariaDB the same."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from backend.core import key_lookup
from backend.core.credential import Credential
from backend.core.db import open_database
from backend.core.dialect import Dialect
from backend.core.jobs.repository.claim import Holder, JobClaim
from backend.core.settings import Settings
from tests.e2e.load import Load
from tests.e2e.stack import MODEL, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def look() -> str:
    """Give the statement that claims read, as the worker makes it for MySQL."""
    settings = Settings(
        database_url=SecretStr("mysql+pymysql://nobody@nowhere.invalid/corral"),
        redis_url=SecretStr("redis://nowhere.invalid"),
    )
    holder = Holder(incarnation="x", worker="x", node="x")
    # Nothing connects before the first use.
    claim = JobClaim(open_database(settings), holder, lease_ms=6_000)
    return claim._look % (f"'gen:{MODEL}:latest'", 4)


def test_rule_9_the_claim_reads_by_index_without_a_filesort(stack: Stack) -> None:
    load = Load(stack)

    [plan] = stack.sql(f"EXPLAIN FORMAT=TREE {look()}")

    load.wait_until_final()
    assert "ix_jobs_claim" in plan[0]
    assert "sort" not in plan[0].lower()


def test_a_key_that_did_not_change_reads_the_same_in_an_insert(stack: Stack) -> None:
    """Else every submission would be made twice: first as who its caller was."""
    dialect = Dialect(sqlite=False)
    every = key_lookup._select(dialect, is_session=False, with_hash=True)
    keys = stack.sql(every.removesuffix(" WHERE k.hash"))
    assert keys

    for key_hash, row in keys:
        same = Credential(is_session=False, hash=key_hash, row=row)
        for credential, holds in ((same, "1"), (replace(same, row="[]"), "0")):
            condition, values = key_lookup.unchanged(dialect, credential)
            quoted = tuple(f"'{value}'" for value in values)
            assert stack.sql(f"SELECT {condition % quoted}") == [[holds]]


def test_the_server_is_set_as_the_platform_needs(stack: Stack) -> None:
    [values] = stack.sql(
        "SELECT @@version, @@global.transaction_isolation, @@character_set_server,"
        " @@collation_server, @@time_zone, @@max_allowed_packet,"
        " @@innodb_flush_log_at_trx_commit, @@log_bin"
    )

    assert values[0].startswith("9.")
    assert values[1:] == [
        "READ-COMMITTED",
        *("utf8mb4", "utf8mb4_bin", "+00:00"),
        *(str(64 * 1024**2), "1", "0"),
    ]
