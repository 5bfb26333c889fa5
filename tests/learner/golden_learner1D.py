"""Write ``golden/learner1D.json.gz``: the points that python-adaptive 1.5.2 asks of `Learner1D` with the default loss.

Run with an interpreter that has ``adaptive==1.5.2`` (and nothing of ours) from the root of the repository:

    python tests/learner/golden_learner1D.py

The functions and the ways of asking are below; `tests.learner.test_learner1D_golden` goes the same ways with ours.
For each function and way the file holds a digest of the points and, for finding a first difference, the first points
themselves, with the final loss. Near a step, at the resolution of floats, the peer asks one point twice; ours never
does, so what is compared ends there (and the loss is not).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import random
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "golden" / "learner1D.json.gz"

Function = Callable[[float], Any]


def peak(width: float, at: float = 0.0) -> Function:
    return lambda x: x + width**2 / (width**2 + (x - at) ** 2)


def step(at: float) -> Function:
    return lambda x: 0.0 if x < at else 1.0


def noise(seed: int) -> Function:
    return lambda x: random.Random(f"{seed} {x!r}").random()


def wiener(seed: int) -> Function:
    rng = random.Random(seed)
    waves = [(rng.gauss(0, 1) / k, rng.random()) for k in range(1, 40)]
    return lambda x: sum(a * abs(k * x + p - math.floor(k * x + p) - 0.5) for k, (a, p) in enumerate(waves, 1))


#: name -> (function, bounds); every function returns what it returns by +, -, *, / and correctly rounded parts of math
FUNCTIONS: dict[str, tuple[Function, tuple[float, float]]] = {
    "peak": (peak(0.01), (-1, 1)),
    "peak off centre": (peak(0.02, 0.3137), (-1, 1)),
    "narrow peak": (peak(1e-4, 0.1), (-1, 1)),
    "constant": (lambda x: 1.5, (-1, 1)),
    "zero": (lambda x: 0.0, (0, 1)),
    "line": (lambda x: 2 * x + 1, (0, 3)),
    "line, integers": (lambda x: int(x > 0.2), (-1, 1)),
    "parabola": (lambda x: x * x, (-1, 1)),
    "parabola, wide": (lambda x: x * x, (-1000, 1000)),
    "parabola, small": (lambda x: 1e-9 * x * x, (-1, 1)),
    "parabola, large": (lambda x: 1e9 * x * x, (-1, 1)),
    "cubic": (lambda x: x * x * x - x, (-2, 2)),
    "absolute": (abs, (-1, 1)),
    "absolute, shifted": (lambda x: abs(x - 0.1), (-1, 1)),
    "step": (step(0.2), (-1, 1)),
    "step at a dyadic point": (step(0.25), (-1, 1)),
    "three steps": (lambda x: step(-0.5)(x) + step(0.1)(x) - 2 * step(0.7)(x), (-1, 1)),
    "sign": (lambda x: float((x > 0) - (x < 0)), (-1, 1)),
    "stairs": (lambda x: math.floor(7 * x) / 7, (0, 1)),
    "saw": (lambda x: 5 * x - math.floor(5 * x), (0, 1)),
    "pole": (lambda x: 1 / (x - 0.1) if x != 0.1 else 0.0, (-1, 1)),
    "pole at the middle": (lambda x: 1 / x if x else 0.0, (-1, 1)),
    "double pole": (lambda x: 1 / (x * x) if x else 1e12, (-1, 1)),
    "root": (math.sqrt, (0, 1)),
    "root of the absolute": (lambda x: math.sqrt(abs(x)), (-1, 1)),
    "growing": (lambda x: 2.0 ** math.floor(10 * x), (0, 1)),
    "exponential": (lambda x: math.ldexp(1 + (x - math.floor(x)), math.floor(x)), (0, 20)),
    "triangle waves": (lambda x: abs(8 * x - math.floor(8 * x) - 0.5), (0, 1)),
    "noise": (noise(1), (0, 1)),
    "more noise": (noise(2), (-3, 7)),
    "wiener": (wiener(3), (0, 3)),
    "waves": (wiener(4), (-1, 1)),
    "off zero": (peak(0.01, 1000.5), (1000, 1001)),
    "tiny domain": (lambda x: 1e12 * x * x, (0, 1e-6)),
    "two": (lambda x: [x, peak(0.01)(x)], (-1, 1)),
    "three": (lambda x: [x * x, step(0.3)(x), -peak(0.05)(x)], (-1, 1)),
    "seven tenths": (lambda x: [0.7, x], (-1, 1)),
}


def _tell(learner: Any, xs: list[float]) -> None:
    for x in xs:
        learner.tell(x, learner.function(float(x)))


def _sequential(learner: Any, n: int) -> Iterator[list[float]]:
    for _ in range(n):
        xs, _ = learner.ask(1)
        yield xs
        _tell(learner, xs)


def _eight_pending(learner: Any, n: int) -> Iterator[list[float]]:
    rng = random.Random(8)
    out: list[float] = []
    asked = 0
    while asked < n:
        xs, _ = learner.ask(8 - len(out))
        yield xs
        asked += len(xs)
        out += xs
        for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
            _tell(learner, [out.pop(rng.randrange(len(out)))])


def _batches(learner: Any, n: int) -> Iterator[list[float]]:
    asked = 0
    for size in (3, 1, 7, 20, 5, 2, 40) * n:
        xs, _ = learner.ask(size)
        yield xs
        asked += size
        _tell(learner, xs[::-1])
        if asked >= n:
            return


def _after_bulk(learner: Any, n: int) -> Iterator[list[float]]:
    a, b = learner.bounds
    rng = random.Random(5)
    for size in (20, 60, 30):
        xs = [rng.uniform(a, b) for _ in range(size)]
        if size == 20:
            xs += [a, b]
        learner.tell_many(xs, [learner.function(x) for x in xs])
    yield from _sequential(learner, n // 3)
    xs, _ = learner.ask(12)
    yield xs
    xs = [rng.uniform(a, b) for _ in range(n)]
    learner.tell_many(xs, [learner.function(x) for x in xs])
    yield from _sequential(learner, n // 3)


def _foreign(learner: Any, n: int) -> Iterator[list[float]]:
    a, b = learner.bounds
    rng = random.Random(6)
    asked = 0
    out: list[float] = []
    while asked < n:
        way = rng.randrange(4)
        if way == 0:
            _tell(learner, [rng.uniform(a, b)])
        elif way == 1:
            x = rng.uniform(a, b)
            learner.tell_pending(x)
            out.append(x)
        elif way == 2 or not out:
            xs, _ = learner.ask(rng.choice((1, 1, 2, 5)))
            yield xs
            asked += len(xs)
            out += xs
        for _ in range(min(len(out), rng.randrange(3))):
            _tell(learner, [out.pop(rng.randrange(len(out)))])
        if rng.random() < 0.02:
            # from here on these points may be asked again, and are told at once so that they are not
            learner.remove_unfinished()
            _tell(learner, out)
            out = []


#: name -> (way, number of points)
WAYS: dict[str, tuple[Callable[[Any, int], Iterator[list[float]]], int]] = {
    "sequential": (_sequential, 600),
    "eight pending": (_eight_pending, 400),
    "batches": (_batches, 400),
    "after bulk tells": (_after_bulk, 300),
    "foreign points": (_foreign, 300),
}


def digest(points: list[float]) -> str:
    """Return a digest of the exact points."""
    return hashlib.blake2b(struct.pack(f"<{len(points)}d", *points), digest_size=12).hexdigest()


def record(make: Callable[..., Any], function: str, way: str, asks: int | None = None) -> dict[str, Any]:
    """Go one way with a new learner; return what is kept of it (of its first `asks` calls of ask)."""
    f, bounds = FUNCTIONS[function]
    go, n = WAYS[way]
    learner = make(f, bounds=bounds)
    batches = [[float(x) for x in xs] for xs in go(learner, n)]
    if asks is None:
        asks = before_repeated(batches)
    loss = float(learner.loss()) if asks == len(batches) else None
    points = [x for xs in batches[:asks] for x in xs]
    return {"asks": asks, "points": len(points), "digest": digest(points), "first": points[:12], "loss": loss}


def before_repeated(batches: list[list[float]]) -> int:
    """Return how many batches come before one with a point that is there already."""
    seen: set[float] = set()
    for i, xs in enumerate(batches):
        for x in xs:
            if x in seen:
                return i
            seen.add(x)
    return len(batches)


def main() -> None:
    from adaptive import Learner1D

    records = {f"{f} / {w}": record(Learner1D, f, w) for f in FUNCTIONS for w in WAYS}
    FILE.parent.mkdir(exist_ok=True)
    text = json.dumps(records, separators=(",", ":"))
    with open(FILE, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as out:
        out.write(text.encode())
    print(len(records), "records,", FILE.stat().st_size, "bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
