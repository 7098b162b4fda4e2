"""``python -m clsviz.exhibits [id ...]`` measures exhibits and stores their numbers."""

from __future__ import annotations

import argparse
import time

from clsviz.exhibits import results
from clsviz.exhibits.listing import exhibit, load
from clsviz.exhibits.registry import Numbers
from clsviz.exhibits.results import Measured

SEEDS = 5


def _measure(id: str, seed: int, scale: float) -> tuple[str, int, Measured, float]:
    import torch

    torch.set_num_threads(1)  # jobs do not crowd each other, and sums round alike
    begun = time.perf_counter()
    return id, seed, exhibit(id).measure(seed, scale), time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m clsviz.exhibits", description=__doc__)
    parser.add_argument("ids", nargs="*", help="which exhibits; none for all")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many seeds, from 0 (default {SEEDS})")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once; -1 for all cores")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size; only 1 is stored")
    args = parser.parse_args()

    from joblib import Parallel, delayed

    ids = [exhibit(id).id for id in args.ids] or list(load())
    tasks = [delayed(_measure)(id, seed, args.scale) for id in ids for seed in range(args.seeds)]
    found: dict[str, dict[int, Measured]] = {id: {} for id in ids}
    took = dict.fromkeys(ids, 0.0)
    print(f"{len(ids)} exhibits, {args.seeds} seeds each")
    for id, seed, values, seconds in Parallel(n_jobs=args.jobs, return_as="generator_unordered")(tasks):
        found[id][seed] = values
        took[id] += seconds
        print(f"  {id}: seed {seed} in {seconds:.1f} s", flush=True)
        if len(found[id]) == args.seeds:
            seeds = sorted(found[id])
            verdict = exhibit(id).judge(Numbers([found[id][s] for s in seeds], seeds))
            print(f"{id}: {verdict.word} ({took[id]:.0f} s). {verdict.sentence}", flush=True)
            if args.scale == 1:
                results.write(id, found[id], args.scale)


if __name__ == "__main__":
    main()
