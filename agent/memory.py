"""The process's memory, kept small where the C library lets us (glibc; elsewhere nothing is done, and nothing is lost).

A dozen threads that mostly sleep would each keep an arena of their own, and what a start needed and freed would stay
with the process for years.
"""

import ctypes
import gc

ARENAS = 2
M_ARENA_MAX = -8
"""mallopt(3)."""


def share_arenas() -> None:
    """Have all threads allocate from `ARENAS` arenas; to be called before there are any."""
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return to the system what is not in use: some tens of milliseconds."""
    gc.collect()
    if (malloc_trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        malloc_trim(0)
