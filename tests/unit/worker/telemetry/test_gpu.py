"""NVML as it is, and as it is missing."""

from types import SimpleNamespace
from typing import Any

import pytest

from backend.core.cluster import GpuState
from worker.telemetry.gpu import read_gpus


class FakeNvmlError(Exception):
    """NVML's own."""


class FakeNvml:
    """The part of pynvml that is used; `failing` names the calls that fail."""

    NVMLError = FakeNvmlError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, *failing: str, gpus: int = 2, name: Any = "H100") -> None:
        self._failing = failing
        self._gpus = gpus
        self._name = name
        self.open = 0

    def _call(self, name: str, value: Any) -> Any:
        if name in self._failing:
            raise FakeNvmlError(name)
        return value

    def nvmlInit(self) -> None:  # noqa: N802 — NVML's name
        self._call("init", None)
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802 — likewise
        self.open -= 1
        self._call("shutdown", None)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 — likewise
        return int(self._call("count", self._gpus))

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802 — likewise
        return int(self._call("handle", index))

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802 — likewise
        return self._call("memory", SimpleNamespace(total=80, used=10 + handle))

    def nvmlDeviceGetName(self, handle: int) -> Any:  # noqa: N802 — likewise
        return self._call("name", self._name)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802 — likewise
        return self._call("utilization", SimpleNamespace(gpu=50))

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802 — likewise
        return int(self._call("temperature", 60))


def test_all_gpus_are_read() -> None:
    nvml = FakeNvml()

    assert read_gpus(nvml) == [
        GpuState(0, "H100", 80, 10, 0.5, 60.0),
        GpuState(1, "H100", 80, 11, 0.5, 60.0),
    ]
    assert nvml.open == 0


@pytest.mark.parametrize("failing", ["init", "count", "handle", "memory", "shutdown"])
def test_a_machine_without_a_working_driver_has_no_gpus(failing: str) -> None:
    nvml = FakeNvml(failing)

    assert read_gpus(nvml) == []
    assert nvml.open == 0


def test_a_partitioned_gpu_does_not_say_how_busy_or_warm_it_is() -> None:
    (gpu,) = read_gpus(FakeNvml("utilization", "temperature", gpus=1))

    assert (gpu.utilization, gpu.temperature_celsius) == (None, None)


def test_an_old_binding_gives_bytes() -> None:
    assert read_gpus(FakeNvml(gpus=1, name=b"V100"))[0].name == "V100"


def test_this_machine_can_be_asked_whatever_it_has() -> None:
    assert isinstance(read_gpus(), list)
