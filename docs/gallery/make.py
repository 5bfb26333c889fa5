"""Makes the pictures of the gallery: ``python docs/gallery/make.py [--into FOLDER] [learner1D ...]``.

Each script ``plot_NAME.py`` writes ``NAME.png`` into the folder in which it runs; by default that is this one. They run
one after the other in this process, as it is loading HoloViews that takes the time. Afterwards the colours of a picture
are reduced to 128, which cannot be seen and makes it a third as large.
"""

from __future__ import annotations

import argparse
import os
import runpy
import time
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
COLOURS = 128


def scripts() -> dict[str, Path]:
    """Return all scripts by the names of their pictures."""
    return {script.stem.removeprefix("plot_"): script for script in sorted(HERE.glob("plot_*.py"))}


def make(script: Path) -> Path:
    """Run one script and return its picture, in the current folder."""
    runpy.run_path(str(script), run_name="__main__")
    picture = Path(f"{script.stem.removeprefix('plot_')}.png")
    with Image.open(picture) as image:
        fewer = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    fewer.save(picture, optimize=True)
    return picture


def main() -> None:
    """Make those named, or all."""
    parser = argparse.ArgumentParser(prog="python docs/gallery/make.py", description=__doc__)
    parser.add_argument("names", nargs="*", help="of pictures (default: all)")
    parser.add_argument("--into", type=Path, default=HERE, help="the folder of the pictures (default: this one)")
    options = parser.parse_args()
    os.chdir(options.into)
    chosen = options.names or scripts()
    for name in chosen:
        start = time.perf_counter()
        picture = make(scripts()[name])
        print(f"{name}: {picture.stat().st_size / 1024:.0f} kB, {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
