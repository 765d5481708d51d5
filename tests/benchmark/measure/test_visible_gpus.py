"""Which GPUs a process may use, by NVML and the masks of CUDA; no GPU is needed."""

from __future__ import annotations

import sys

import pytest
from stand_in_gpu import StandInDevice, StandInNvml

from genbench.measure.visible_gpus import visible_gpus, words_on_neighbours

PARTS = [StandInDevice("MIG-p", total=10 << 30), None, StandInDevice("MIG-q", pids=(7,), total=10 << 30)]


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> StandInNvml:
    """Two whole GPUs, one in two parts, one that is to be divided and has no parts yet."""
    devices = [
        StandInDevice("GPU-aa", used=3 << 30, pids=(12, 5)),
        StandInDevice("GPU-ab"),
        StandInDevice("GPU-ac", parts=list(PARTS)),
        StandInDevice("GPU-ad", parts=[]),
    ]
    nvml = StandInNvml(devices)
    nvml.install(monkeypatch)
    return nvml


def tokens(mask: str | None = None, **environment: str) -> list[str]:
    given = environment if mask is None else {"CUDA_VISIBLE_DEVICES": mask, **environment}
    return [gpu.token for gpu in visible_gpus(given)]


@pytest.mark.usefixtures("four")
def test_without_a_mask_all_gpus_count_and_divided_ones_as_their_parts() -> None:
    assert tokens() == ["GPU-aa", "GPU-ab", "MIG-p", "MIG-q"]
    assert [gpu.is_part for gpu in visible_gpus({})] == [False, False, True, True]


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("", []),
        ("-1", []),
        ("1", ["1"]),
        ("1, 0", ["1", "0"]),
        ("1,-1,0", ["1"]),  # CUDA stops there
        ("0,9,1", ["0"]),
        ("NoDevFiles", []),
        ("GPU-ab,GPU-aa", ["GPU-ab", "GPU-aa"]),
        ("GPU-zz,GPU-aa", []),
        ("MIG-q", ["MIG-q"]),
        ("MIG-GPU-ac/1/0", ["MIG-GPU-ac/1/0"]),
    ],
)
def test_a_mask_counts_as_cuda_reads_it(mask: str, expected: list[str]) -> None:
    assert tokens(mask) == expected


@pytest.mark.usefixtures("four")
def test_what_is_known_of_a_gpu_is_that_of_the_one_that_the_mask_means() -> None:
    first, second = visible_gpus({"CUDA_VISIBLE_DEVICES": "GPU-ab,GPU-aa"})
    assert (first.processes, second.processes) == ((), (5, 12))
    assert (second.name, second.memory_bytes, second.used_bytes) == ("H100", 80 << 30, 3 << 30)
    [part] = visible_gpus({"CUDA_VISIBLE_DEVICES": "MIG-q"})
    assert (part.memory_bytes, part.processes) == (10 << 30, (7,))


def test_a_number_means_a_gpu_only_where_cuda_and_nvml_count_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = StandInNvml([StandInDevice("GPU-slow", name="T4"), StandInDevice("GPU-fast", pids=(3,))])
    nvml.install(monkeypatch)
    [by_speed] = visible_gpus({"CUDA_VISIBLE_DEVICES": "1"})
    [by_place] = visible_gpus({"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    assert (by_speed.token, by_speed.name, by_speed.processes) == ("1", None, ())
    assert (by_place.token, by_place.name, by_place.processes) == ("1", "H100", (3,))


def test_what_nvml_does_not_tell_is_left_open(four: StandInNvml) -> None:
    four.broken = {"nvmlDeviceGetMemoryInfo", "nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetMigMode"}
    assert tokens() == ["GPU-aa", "GPU-ab", "GPU-ac", "GPU-ad"]  # a GPU too old for parts
    assert {(gpu.used_bytes, gpu.processes) for gpu in visible_gpus({})} == {(None, ())}
    four.broken = {"nvmlInit"}
    assert tokens() == []


def test_without_nvml_only_a_mask_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert tokens() == []
    assert tokens("2,3") == ["2", "3"]
    assert tokens("MIG-x") == ["MIG-x"]


@pytest.mark.usefixtures("four")
def test_neighbours_are_told_in_one_line() -> None:
    first, second, *_, last = visible_gpus({})
    assert words_on_neighbours(second) is None
    assert words_on_neighbours(first) == (
        "2 other processes use the GPU GPU-aa (pid 5, 12); 3.0 of its 80.0 GiB are taken"
    )
    assert str(words_on_neighbours(last)).startswith("another process uses the GPU MIG-q (pid 7)")
