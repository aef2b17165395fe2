"""Every interleaving of the wake-up protocol's atomic steps (JOBS.md 11 to 14).

One model; `nodes` nodes of `slots` slots; each of `threads` worker threads belongs to
one node; each of `jobs` callers submits one job. A step is a statement in the database
or one script in Redis (backend/core/wake_scripts.py); `explore` tries all orders. Rules
can be left out, to show what each is for.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TypeVar

T = TypeVar("T")


class Rule(Enum):
    """What may be left out of the protocol."""

    LOOK_AFTER_FREEING = auto()
    MARK = auto()
    PASS_ON = auto()
    SEND_ON = auto()


class At(Enum):
    """Where a caller or a thread stands."""

    # Callers
    NEW = auto()
    COMMITTED = auto()
    SENDING = auto()
    # Both
    REST = auto()
    # Threads
    TAKES_SLOT = auto()
    LOOKS = auto()
    WORKS = auto()
    ENDS_TURN = auto()
    SENDS_TICKET = auto()
    REGISTERS = auto()
    LINGERS = auto()
    FREES = auto()
    LOOKS_AGAIN = auto()


@dataclass(frozen=True, slots=True)
class World:
    """All that the steps read and write."""

    queued: int
    tickets: int
    held: tuple[int, ...]
    idle: frozenset[int]
    hinted: frozenset[int]
    mark: bool
    callers: tuple[At, ...]
    threads: tuple[At, ...]

    def caller(self, index: int, at: At) -> "World":
        return replace(self, callers=_put(self.callers, index, at))

    def thread(self, index: int, at: At) -> "World":
        return replace(self, threads=_put(self.threads, index, at))

    def holds(self, node: int, change: int) -> "World":
        return replace(self, held=_put(self.held, node, self.held[node] + change))

    def hints(self, thread: int) -> "World":
        """Do the script's `give`."""
        idle, hinted = self.idle - {thread}, self.hinted | {thread}
        return replace(self, idle=idle, hinted=hinted)

    @property
    def told_everybody(self) -> bool:
        """Tell whether no ticket, hint or announcement is on its way."""
        announced = all(at in {At.NEW, At.REST} for at in self.callers)
        return announced and not self.tickets and not self.hinted


def _put(values: tuple[T, ...], index: int, value: T) -> tuple[T, ...]:
    return (*values[:index], value, *values[index + 1 :])


@dataclass(frozen=True, slots=True)
class Findings:
    """What is reachable: how many worlds, and the three things that must not be."""

    worlds: int
    strands: bool
    waits_out_a_linger: bool
    leaves_a_slot_free: bool


@dataclass(frozen=True, slots=True)
class Protocol:
    """The steps, with all rules but those left out."""

    slots: int
    threads: int
    jobs: int
    nodes: int = 1
    without: frozenset[Rule] = frozenset()

    def start(self) -> World:
        return World(
            queued=0,
            tickets=0,
            held=(0,) * self.nodes,
            idle=frozenset(),
            hinted=frozenset(),
            mark=False,
            callers=(At.NEW,) * self.jobs,
            threads=(At.REST,) * self.threads,
        )

    def steps(self, world: World) -> Iterator[World]:
        """Give every world that is one step away."""
        for index, at in enumerate(world.callers):
            yield from self._caller_steps(world, index, at)
        for index, at in enumerate(world.threads):
            yield from self._thread_steps(world, index, at)

    @property
    def _capacity(self) -> int:
        return self.slots * self.nodes

    def _has(self, rule: Rule) -> bool:
        return rule not in self.without

    def _caller_steps(self, world: World, index: int, at: At) -> Iterator[World]:
        if at is At.NEW:
            committed = replace(world, queued=world.queued + 1)
            yield committed.caller(index, At.COMMITTED)
        elif at is At.COMMITTED:
            yield from self._announce(world, index)
        elif at is At.SENDING:
            yield replace(world, tickets=world.tickets + 1).caller(index, At.REST)

    def _announce(self, world: World, index: int) -> Iterator[World]:
        done = world.caller(index, At.REST)
        if world.idle:
            yield from (done.hints(thread) for thread in world.idle)
        elif world.tickets >= self._capacity:
            yield done
        elif world.tickets + sum(world.held) >= self._capacity:
            # The tickets that wait will take what is free.
            yield self._marked(done)
        else:
            yield world.caller(index, At.SENDING)

    def _marked(self, world: World) -> World:
        return replace(world, mark=True) if self._has(Rule.MARK) else world

    def _thread_steps(self, world: World, index: int, at: At) -> Iterator[World]:
        if at is At.REST and world.tickets:
            taken = replace(world, tickets=world.tickets - 1)
            yield taken.thread(index, At.TAKES_SLOT)
        elif at is At.TAKES_SLOT:
            yield from self._take_slot(world, index)
        elif at is At.LOOKS:
            yield self._look(world, index)
        elif at is At.WORKS:
            yield world.thread(index, At.LOOKS)
            yield world.thread(index, At.ENDS_TURN)
        elif at is At.ENDS_TURN:
            yield world.holds(index % self.nodes, -1).thread(index, At.SENDS_TICKET)
        elif at is At.SENDS_TICKET:
            sent = replace(world, tickets=world.tickets + 1)
            yield sent.thread(index, At.REST)
        else:
            yield from self._leaving_steps(world, index, at)

    def _take_slot(self, world: World, index: int) -> Iterator[World]:
        node, rests = index % self.nodes, world.thread(index, At.REST)
        if world.held[node] < self.slots:
            yield world.holds(node, 1).thread(index, At.LOOKS)
        elif self._has(Rule.SEND_ON) and sum(world.held) < self._capacity:
            yield replace(rests, tickets=rests.tickets + 1)
        elif not self._has(Rule.PASS_ON):
            yield rests
        elif world.idle:
            yield from (rests.hints(thread) for thread in world.idle)
        else:
            yield self._marked(rests)

    @staticmethod
    def _look(world: World, index: int) -> World:
        if world.queued:
            claimed = replace(world, queued=world.queued - 1)
            return claimed.thread(index, At.WORKS)
        return world.thread(index, At.REGISTERS)

    def _leaving_steps(self, world: World, index: int, at: At) -> Iterator[World]:
        if at is At.REGISTERS and world.mark:
            yield replace(world, mark=False).thread(index, At.LOOKS)
        elif at is At.REGISTERS:
            lingers = replace(world, idle=world.idle | {index})
            yield lingers.thread(index, At.LINGERS)
        elif at is At.LINGERS and index in world.hinted:
            told = replace(world, hinted=world.hinted - {index})
            yield told.thread(index, At.LOOKS)
        elif at is At.LINGERS:
            leaves = replace(world, idle=world.idle - {index})
            yield leaves.thread(index, At.FREES)
            # Nobody else needs the thread: it lingers on.
            yield leaves.thread(index, At.REGISTERS)
        elif at is At.FREES:
            again = self._has(Rule.LOOK_AFTER_FREEING)
            after = At.LOOKS_AGAIN if again else At.REST
            yield world.holds(index % self.nodes, -1).thread(index, after)
        elif at is At.LOOKS_AGAIN:
            yield world.thread(index, At.TAKES_SLOT if world.queued else At.REST)


def explore(protocol: Protocol) -> Findings:
    """Walk through all worlds."""
    first = protocol.start()
    seen, todo = {first}, deque([first])
    strands = lingering = free = False
    while todo:
        world = todo.popleft()
        following = set(protocol.steps(world))
        strands |= not following and bool(world.queued)
        lingering |= _waits_out_a_linger(world)
        free |= _leaves_a_slot_free(protocol, world)
        todo.extend(following - seen)
        seen |= following
    return Findings(len(seen), strands, lingering, free)


def _waits_out_a_linger(world: World) -> bool:
    """Tell whether a job waits while all that could take it lingers untold."""
    still = all(at in {At.LINGERS, At.REST} for at in world.threads)
    all_linger = bool(world.idle) and len(world.idle) == sum(world.held)
    return bool(world.queued) and world.told_everybody and still and all_linger


def _leaves_a_slot_free(protocol: Protocol, world: World) -> bool:
    """Tell whether a job waits beside a free slot and a thread that could use it."""
    if not world.queued or not world.told_everybody:
        return False
    if any(at not in {At.REST, At.WORKS} for at in world.threads):
        return False
    return any(
        at is At.REST and world.held[index % protocol.nodes] < protocol.slots
        for index, at in enumerate(world.threads)
    )
