"""What a process frees goes back to the system, its threads share their arenas, and its models wait to be used."""

import subprocess
import sys
from collections.abc import Iterator

from pydantic import BaseModel

import agent.protocol
from agent.rating.record import RatingData

PROGRAM = """
import ctypes, sys, threading
from agent.memory import give_back, share_arenas

def held() -> int:
    pages = open("/proc/self/statm").read().split()[1]
    return int(pages) * 4096

if sys.argv[1] == "arenas":
    if sys.argv[2] == "shared":
        share_arenas()
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    found, all_there = set(), threading.Barrier(8)
    def take() -> None:
        all_there.wait()
        found.add(libc.malloc(1000) >> 26)  # each arena begins at a multiple of 64 MiB
        all_there.wait()
    threads = [threading.Thread(target=take) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(len(found))
else:
    many = [bytes(2000) for _ in range(20_000)]
    keep = many[::1000]
    del many
    before = held()
    give_back()
    print(before - held() > 20 * 1024**2)
"""


def says(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_threads_share_two_arenas_instead_of_having_one_each() -> None:
    assert int(says("arenas", "own")) > 2
    assert int(says("arenas", "shared")) <= 2


def test_what_was_freed_between_things_that_stay_goes_back_to_the_system() -> None:
    assert says("trim") == "True"


def models(of: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in of.__subclasses__():
        yield model
        yield from models(model)


def test_a_model_is_built_when_it_is_first_used_but_the_one_that_a_press_needs() -> None:
    assert agent.protocol  # knows all that is said
    written = (model for model in models(BaseModel) if not model.__pydantic_generic_metadata__["origin"])
    ours = [model for model in written if model.__module__.startswith(("agent.", "drivers."))]
    assert len(ours) > 80
    assert {model for model in ours if not model.model_config.get("defer_build")} == {RatingData}
