"""Celery over Redis, as the API (which only sends) and the workers share it.

Each option has its consequence beside it.
"""

from typing import Any

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

from backend.core.broker_transport import Transport
from backend.core.names import MAINTENANCE_QUEUE, TaskName, generation_lane
from backend.core.settings import Settings


def make_celery(settings: Settings, *, socket_timeout_seconds: float) -> Celery:
    """Make the Celery application; nothing connects before the first message.

    Args:
        settings: Where the broker is, how many threads.
        socket_timeout_seconds: How long a silent broker may hold up a call.
    """
    # By its alias, so that logs still say redis://.
    TRANSPORT_ALIASES["redis"] = f"{Transport.__module__}:{Transport.__name__}"
    app = Celery("corral", broker=settings.redis_url.get_secret_value())
    app.conf.update(_options(settings, socket_timeout_seconds))
    return app


def _options(settings: Settings, socket_timeout_seconds: float) -> dict[str, Any]:
    return {
        # A ticket is done when its turn is: a worker that dies gives it back. The
        # leases in MySQL decide what runs, so a ticket too many is harmless.
        "task_acks_late": True,
        # With late acknowledgement one prefetched message per thread is one that runs:
        # no ticket waits in a busy worker while another one is idle.
        "worker_prefetch_multiplier": 1,
        # After a reconnect Celery would lower the prefetch count by what still runs,
        # and a worker with long answers would take nothing new for their length.
        "worker_enable_prefetch_count_reduction": False,
        # Results are in MySQL; a result backend would cost a round trip per ticket.
        "task_ignore_result": True,
        "result_backend": None,
        # Nobody listens to Celery's events: each would be a PUBLISH.
        "worker_send_task_events": False,
        "task_send_sent_event": False,
        "worker_enable_remote_control": False,
        # The announcing step is told at once that Redis is away; recovery tops up.
        "task_publish_retry": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # Running turns go on when the broker is lost: their leases are in MySQL.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_pool_limit": 8,
        "task_default_queue": MAINTENANCE_QUEUE,
        "task_create_missing_queues": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "timezone": "UTC",
        "broker_transport_options": {
            # Redis redelivers what is not acknowledged in this time; it must exceed a
            # turn and the longest job, or tickets multiply. Late is harmless.
            "visibility_timeout": _visibility_seconds(settings),
            # One priority: the default of four makes BRPOP ask four keys per queue.
            "priority_steps": [0],
            # Without these a connection whose peer vanished is silent for ever, and
            # the worker deaf. kombu's BRPOP blocks for a second at most.
            "socket_timeout": socket_timeout_seconds,
            "socket_connect_timeout": min(socket_timeout_seconds, 5.0),
            "socket_keepalive": True,
            "health_check_interval": 10,
            "max_connections": settings.worker_concurrency + 32,
        },
    }


def _visibility_seconds(settings: Settings) -> int:
    longest_ms = max(settings.worker_turn_time, settings.worker_timeout)
    return max(3_600, 2 * longest_ms // 1000)


def send_ticket(app: Celery, model: str) -> None:
    """Put a ticket into the model's queue: it names the model and nothing else.

    Raises:
        kombu.exceptions.OperationalError: If the broker cannot be reached.
    """
    app.send_task(
        TaskName.GENERATE,
        args=(model,),
        queue=generation_lane(model),
        ignore_result=True,
        retry=False,
    )


def send_maintenance(app: Celery, name: TaskName) -> None:
    """Ask for a maintenance task to be run now, by whoever serves that queue.

    Raises:
        kombu.exceptions.OperationalError: If the broker cannot be reached.
    """
    app.send_task(
        name,
        kwargs={"by_hand": True},
        queue=MAINTENANCE_QUEUE,
        # Asked for now, it is of no use later.
        expires=60,
        ignore_result=True,
        retry=False,
    )
