"""What a process frees goes back to the system, and its threads share their arenas."""

import subprocess
import sys

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
