"""python -m webapp.artwork OUTDIR: draws every picture into OUTDIR/dogs and OUTDIR/stars."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from webapp.artwork.catalog import COLLECTIONS
from webapp.artwork.film import save


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m webapp.artwork", description=__doc__)
    parser.add_argument("outdir", type=Path, help="the folder of the collections")
    outdir: Path = parser.parse_args().outdir
    with ProcessPoolExecutor() as pool:
        for collection, pictures in COLLECTIONS.items():
            folder = outdir / collection
            folder.mkdir(parents=True, exist_ok=True)
            for path in pool.map(save, pictures, [folder] * len(pictures)):
                sys.stdout.write(f"{path.stat().st_size:8,} bytes  {path}\n")


if __name__ == "__main__":
    main()
