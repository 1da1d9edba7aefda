"""Which process of how many this is, and which devices it has, by the environment."""

import pytest

from mrienhance.batch.place import Place, own_devices, parse_devices
from mrienhance.errors import UsageError

SLURM = {
    "SLURM_JOB_ID": "17",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "5",
    "SLURM_STEP_NUM_TASKS": "6",
    "SLURM_NTASKS": "8",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_STEP_TASKS_PER_NODE": "4,2",
}
TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_WORLD_SIZE": "2",
    "TORCHELASTIC_RUN_ID": "none",
    "MASTER_PORT": "29500",
}


def test_slurm():
    place = Place.find(SLURM)
    assert place.launcher == "slurm"
    assert (place.rank, place.world, place.local_rank, place.local_world, place.nodes) == (5, 6, 1, 2, 2)
    assert place.run == Place.find(SLURM | {"SLURM_PROCID": "0", "SLURM_LOCALID": "0"}).run
    assert place.run != Place.find(SLURM | {"SLURM_STEP_ID": "1"}).run
    assert place.run != Place.find(SLURM | {"SLURM_RESTART_COUNT": "1"}).run  # a job that was put back into the queue


@pytest.mark.parametrize(
    ("text", "node", "count"), [("4(x2),1", 1, 4), ("4(x2),1", 2, 1), ("3", 0, 3), ("", 0, 6), ("x", 0, 6)]
)
def test_tasks_of_a_machine(text: str, node: int, count: int):
    place = Place.find(SLURM | {"SLURM_STEP_TASKS_PER_NODE": text, "SLURM_NODEID": str(node)})
    assert place.local_world == count


def test_a_script_of_slurm_is_alone():
    """There, SLURM tells of tasks that `srun` would start."""
    place = Place.find({name: value for name, value in SLURM.items() if "STEP" not in name})
    assert (place.launcher, place.rank, place.world) == ("plain", 0, 1)


def test_torchrun():
    place = Place.find(TORCHRUN)
    assert place.launcher == "torchrun"
    assert (place.rank, place.world, place.local_rank, place.local_world, place.nodes) == (3, 4, 1, 2, 2)
    assert place.run == Place.find(TORCHRUN | {"RANK": "0", "LOCAL_RANK": "0"}).run
    assert place.run != Place.find(TORCHRUN | {"TORCHELASTIC_RUN_ID": "other"}).run


def test_alone():
    place = Place.find({})
    assert (place.launcher, place.rank, place.world, place.nodes) == ("plain", 0, 1, None)
    assert place.run != Place.find({}).run
    assert Place.find({}, nodes=3).rank == Place.find({}, nodes=3).rank < 3


def test_other_nodes_than_the_launcher_says():
    assert Place.find(SLURM, nodes=2).nodes == 2
    with pytest.raises(UsageError, match="--nodes 3, but slurm runs this on 2"):
        Place.find(SLURM, nodes=3)
    with pytest.raises(UsageError, match="RANK=one"):
        Place.find(TORCHRUN | {"RANK": "one"})


def found(*names: str):
    return lambda: list(names)


@pytest.mark.parametrize(
    ("text", "here", "expected"),
    [
        (None, [], ["cpu"]),
        (None, ["cuda:0", "cuda:1"], ["cuda:0", "cuda:1"]),
        ("1", ["cuda:0", "cuda:1"], ["cuda:0"]),
        ("3", [], ["cpu", "cpu", "cpu"]),
        ("cpu", ["cuda:0"], ["cpu"]),
        ("cpu,cpu", ["cuda:0"], ["cpu", "cpu"]),
        ("cuda:0,1", ["cuda:0"], ["cuda:0", "cuda:1"]),
        ("cuda:0, cuda:0", ["cuda:0"], ["cuda:0", "cuda:0"]),
        ("cuda", [], ["cuda:0"]),
    ],
)
def test_devices(text: str | None, here: list[str], expected: list[str]):
    assert parse_devices(text, found(*here)) == expected


@pytest.mark.parametrize("text", ["0", "3", "-1", "", "cpu,1", "0,1", "gpu", "cuda:x", "1.5"])
def test_no_such_devices(text: str):
    with pytest.raises(UsageError, match="--devices"):
        parse_devices(text, found("cuda:0", "cuda:1"))


def test_processes_of_a_machine_share_its_devices():
    four = [f"cuda:{number}" for number in range(4)]
    shares = [own_devices(four, Place(launcher="x", local_rank=n, local_world=2, run="r")) for n in range(2)]
    assert shares == [["cuda:0", "cuda:2"], ["cuda:1", "cuda:3"]]
    assert own_devices(["cpu"], Place(launcher="x", local_rank=5, local_world=8, run="r")) == ["cpu"]
    assert own_devices(four, Place(launcher="plain", run="r")) == four
