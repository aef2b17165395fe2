"""Which Corral this is."""

from importlib.metadata import PackageNotFoundError, version


def _installed() -> str:
    try:
        return version("corral")
    except PackageNotFoundError:  # run from a folder that was copied, not installed
        return "0.0.0"


VERSION = _installed()
