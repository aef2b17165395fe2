"""kombu's Redis transport, for workers that outlive a Redis that is away.

A worker whose threads are all busy reads nothing from Redis. When Redis goes in that
time and the turns end, their acknowledgements fail; kombu logs that, and counts those
tickets as unfinished on the connection for good. So the worker never takes another, and
never finds out that its connection is dead.
"""

import redis
from kombu.transport import redis as kombu_redis
from kombu.transport import virtual


class TicketQoS(kombu_redis.QoS):
    """Counts a ticket as done also if Redis cannot be told."""

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a ticket; one that Redis still has comes again, harmlessly."""
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]  # kombu
        except (redis.RedisError, OSError):
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]


class TicketChannel(kombu_redis.Channel):
    """A channel of such tickets."""

    QoS = TicketQoS


class Transport(kombu_redis.Transport):
    """The transport that `broker_transport` names."""

    Channel = TicketChannel
