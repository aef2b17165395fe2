"""What Redis has of a stream, and what is published."""

from collections.abc import Callable
from typing import Any

import orjson
import redis

from backend.core.streams.frames import Frame, channel, read_publication, stream_key


def kept(client: redis.Redis, job: str = "j") -> list[tuple[str, str, Any]]:
    entries: Any = client.xrange(stream_key(job))
    return [
        (place.decode(), fields[b"e"].decode(), orjson.loads(fields[b"d"]))
        for place, fields in entries
    ]


def places(client: redis.Redis, job: str = "j") -> list[str]:
    return [place for place, _, _ in kept(client, job)]


def value(counter: Any) -> float:
    found: float = counter._value.get()
    return found


def published(
    client: redis.Redis, act: Callable[[], object]
) -> list[tuple[str, Frame]]:
    """Give the frames of the one message that an act publishes."""
    with client.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.psubscribe(channel("*"))
        pubsub.get_message(timeout=1)
        act()
        message = pubsub.get_message(timeout=1)
    assert message is not None
    return list(read_publication(message["data"]))
