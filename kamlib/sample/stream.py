"""Random numbers that are the same on every machine and in every version: a counter run through a 64-bit mixer.

Only integers are used, so that no library version, processor or maths routine can change a byte of the sample. A stream
belongs to a seed and a label; streams do not disturb each other, so that one more draw here changes nothing there.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from hashlib import blake2b

MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15


def mix(x):
    """Return the SplitMix64 finaliser of `x`, a Python integer or a numpy array of uint64 (Steele, Lea & Flood 2014)."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def key_of(seed: int, *labels: object) -> int:
    """Return the 64-bit start of the stream that belongs to `seed` and `labels`."""
    text = "/".join(str(part) for part in (seed, *labels))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


@cache
def _exponentials() -> list[int]:
    """Mean-1000 exponential quantiles at the 1024 midpoints; decimal arithmetic is exact by its standard."""
    return [int(-(Decimal(2 * i + 1) / 2048).ln() * 1000) for i in range(1024)]


@cache
def _powers() -> list[int]:
    """e^(k/100) in millionths for k = -500 … 500."""
    return [int((Decimal(k) / 100).exp() * 1_000_000) for k in range(-500, 501)]


def grow(value: int, thousandths: int) -> int:
    """Return value · e^(thousandths / 1000), in whole units, with an exponent between -5 and 5."""
    step = max(-500, min(500, thousandths // 10))
    return value * _powers()[step + 500] // 1_000_000


class Stream:
    """A sequence of draws. Chances and spreads are whole thousandths."""

    def __init__(self, seed: int, *labels: object) -> None:
        self.key = key_of(seed, *labels)
        self.count = 0

    def bits(self) -> int:
        """Return the next 64 random bits."""
        self.count += 1
        return mix((self.key + self.count * STEP) & MASK)

    def below(self, n: int) -> int:
        """Return a whole number from 0 to n - 1."""
        return self.bits() * n >> 64

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both possible."""
        return low + self.below(high - low + 1)

    def chance(self, thousandths: int) -> bool:
        """Return True with the given chance in thousandths."""
        return self.below(1000) < thousandths

    def pick(self, items: Sequence):
        """Return one of `items`, each as likely as the others."""
        return items[self.below(len(items))]

    def weighted(self, weights: dict):
        """Return one of the keys, each as likely as its whole-number weight says."""
        at = self.below(sum(weights.values()))
        for item, weight in weights.items():
            at -= weight
            if at < 0:
                return item
        raise AssertionError("weights must be positive")

    def shuffled(self, items: Sequence) -> list:
        """Return `items` in random order (Fisher–Yates)."""
        deck = list(items)
        for i in range(len(deck) - 1, 0, -1):
            j = self.below(i + 1)
            deck[i], deck[j] = deck[j], deck[i]
        return deck

    def some(self, items: Sequence, n: int) -> list:
        """Return `n` different items, or all when there are fewer."""
        return self.shuffled(items)[:n]

    def bell(self, spread: int = 1000) -> int:
        """Return a bell-shaped draw around 0 with standard deviation `spread`: the sum of twelve even draws."""
        return (sum(self.below(1000) for _ in range(12)) - 5994) * spread // 1000

    def skewed(self, middle: int, spread: int) -> int:
        """Return a log-normal draw with median `middle` and log standard deviation `spread` thousandths."""
        return grow(middle, self.bell(spread))

    def wait(self, regularity: int = 1) -> int:
        """Return a waiting time of mean 1000: the higher `regularity` (a gamma shape), the more even the gaps."""
        table = _exponentials()
        return sum(table[self.below(1024)] for _ in range(regularity)) // regularity
