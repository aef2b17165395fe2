"""The GPUs as NVML sees them; a machine without NVML is normal and has none."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pynvml
import structlog

from backend.core.cluster import GpuState

log = structlog.get_logger()


def read_gpus(nvml: Any = pynvml) -> list[GpuState]:  # the module, or a fake of it
    """Read all GPUs; an empty list where there is no driver, or it fails."""
    try:
        with _initialised(nvml):
            return [_read_gpu(nvml, i) for i in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError as error:
        log.debug("nvml_unavailable", error=str(error))
        return []


@contextlib.contextmanager
def _initialised(nvml: Any) -> Iterator[None]:  # the module, or a fake of it
    nvml.nvmlInit()
    try:
        yield
    finally:
        nvml.nvmlShutdown()


def _read_gpu(nvml: Any, index: int) -> GpuState:  # the module, or a fake of it
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    name = nvml.nvmlDeviceGetName(handle)
    return GpuState(
        index=index,
        # Bindings before 11.5 gave bytes.
        name=name.decode() if isinstance(name, bytes) else name,
        memory_total=int(memory.total),
        memory_used=int(memory.used),
        utilization=_utilization(nvml, handle),
        temperature_celsius=_temperature(nvml, handle),
    )


def _utilization(nvml: Any, handle: Any) -> float | None:  # NVML's handle is opaque
    # Partitioned (MIG) and virtual GPUs do not say.
    with contextlib.suppress(nvml.NVMLError):
        return float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
    return None


def _temperature(nvml: Any, handle: Any) -> float | None:  # NVML's handle is opaque
    with contextlib.suppress(nvml.NVMLError):
        sensor = nvml.NVML_TEMPERATURE_GPU
        return float(nvml.nvmlDeviceGetTemperature(handle, sensor))
    return None
