"""JOBS.md 14: nothing strands, whatever the order, and each rule is needed for it."""

import pytest

from tests.unit.backend.core.wake_model import Protocol, Rule, explore


def without(rule: Rule, protocol: Protocol) -> Protocol:
    return Protocol(
        protocol.slots,
        protocol.threads,
        protocol.jobs,
        protocol.nodes,
        frozenset({rule}),
    )


ONE_SLOT = Protocol(slots=1, threads=2, jobs=3)
TWO_SLOTS = Protocol(slots=2, threads=3, jobs=3)
TWO_NODES = Protocol(slots=1, threads=3, jobs=3, nodes=2)


@pytest.mark.parametrize(
    "protocol",
    [
        ONE_SLOT,
        Protocol(slots=1, threads=3, jobs=3),
        Protocol(slots=2, threads=2, jobs=3),
        TWO_SLOTS,
        TWO_NODES,
    ],
)
def test_rule_14_in_no_order_of_steps_a_job_is_left_behind(protocol: Protocol) -> None:
    found = explore(protocol)

    assert found.worlds > 1_000
    assert not found.strands
    assert not found.waits_out_a_linger
    assert not found.leaves_a_slot_free


def test_without_a_second_look_after_freeing_a_job_strands() -> None:
    assert explore(without(Rule.LOOK_AFTER_FREEING, ONE_SLOT)).strands


def test_without_the_mark_a_job_waits_out_a_linger() -> None:
    assert explore(without(Rule.MARK, ONE_SLOT)).waits_out_a_linger


def test_without_passing_on_a_job_waits_out_a_linger() -> None:
    assert explore(without(Rule.PASS_ON, ONE_SLOT)).waits_out_a_linger


def test_without_sending_on_a_slot_of_another_node_stays_free() -> None:
    assert explore(without(Rule.SEND_ON, TWO_NODES)).leaves_a_slot_free
