"""A machine whose clocks are moved by hand: what `agent.kernel.Kernel` reads, as a test wants it."""

from dataclasses import dataclass

from agent.kernel import Kernel


@dataclass
class MovedKernel(Kernel):
    """A machine that was just switched on, in 1970, without network and without a battery."""

    boot: str = "0123456789ab"
    wall_s: float = 20.0
    age_s: float = 20.0
    slept_s: float = 0.0
    synchronised: bool | None = False
    synchronisation: int | None = None
    battery_s: float | None = None

    def monotonic(self) -> float:
        return self.age_s - self.slept_s

    def wall_and_age(self) -> tuple[float, float]:
        return self.wall_s, self.age_s

    def is_synchronised(self) -> bool | None:
        return self.synchronised

    def last_synchronisation(self) -> int | None:
        return self.synchronisation

    def hardware_clock(self) -> float | None:
        return self.battery_s

    def pass_time(self, seconds: float) -> None:
        self.wall_s += seconds
        self.age_s += seconds

    def suspend(self, seconds: float) -> None:
        self.pass_time(seconds)
        self.slept_s += seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the clock; a time service that disciplined it no longer vouches (as in the kernel)."""
        self.wall_s += seconds
        if self.synchronised:
            self.synchronised = False

    def hear_network(self, wall_s: float) -> None:
        """A time service sets the clock and vouches for it."""
        self.wall_s, self.synchronised = wall_s, True
