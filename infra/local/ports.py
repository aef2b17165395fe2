"""Find ports of the loopback address that nobody listens on."""

import random
import socket

# Outside the kernel's ephemeral range, so no outgoing connection takes a port between
# the moment it is chosen and the moment (or the restart) in which it is bound.
CHOICE = range(20_000, 32_000)


class PortTakenError(Exception):
    """A port that was asked for cannot be had."""


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port now."""
    with socket.socket() as probe:
        # As servers do, so a port whose last connections just ended counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Return a free port, a different one each time."""
    for port in random.SystemRandom().sample(CHOICE, 200):
        if is_free(port):
            return port
    raise PortTakenError("200 ports were tried and none is free")


def choose(*, preferred: int, asked: str | None, name: str) -> int:
    """Return the port that was asked for, else the preferred one or any other.

    Raises:
        PortTakenError: If the port that was asked for is taken.
    """
    if not asked:
        return preferred if is_free(preferred) else free_port()
    if not asked.isdecimal() or not 0 < int(asked) < 65_536:
        raise PortTakenError(f"{name}={asked} is no port: it is a number below 65536.")
    if not is_free(int(asked)):
        raise PortTakenError(
            f"{name}={asked}, but something listens on that port already. "
            f"End it, set another, or leave {name} out to get a free one."
        )
    return int(asked)
