"""Trains the default benchmark study anew and stores its table with the package: `Study.stored`."""

import argparse
import time
from pathlib import Path

import clsviz
from clsviz.calibration.benchmark_study import STORED, study

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path("study.sqlite"), help="where it goes on")
    parser.add_argument("--jobs", type=int, default=-1, help="processes at once (default: all cores)")
    args = parser.parse_args()
    begun = time.perf_counter()
    found = study(store=args.store, n_jobs=args.jobs)
    minutes = (time.perf_counter() - begun) / 60
    print(f"{found} in {minutes:.1f} minutes")
    path = Path(clsviz.__file__).with_name("calibration") / STORED
    found.save(path)
    print(f"wrote {path.name}, {path.stat().st_size / 1e3:.0f} kB")
