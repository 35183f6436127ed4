"""Positive mining against a plain matrix product and a loop over 16 queries; the gather of negatives.

The banks hold rows of unit length around N / 40 random centres. Every work runs once unmeasured on
few rows; then all works take turns, round by round, and medians are printed.
CPU-seconds are those of all threads of this process. On a busy machine threads that wait for each
other count too; OMP_NUM_THREADS=1 avoids that.

    python benchmarks/mining.py [--n 20000] [--k 32] [--dim 128] [--device cpu]

Goals, on a CPU at the default sizes: at most 4 CPU-seconds, and at most half of the loop's.
"""

import argparse
import sys

import torch
from timing import in_turns, median, peak_megabytes, setting, table_row
from torch import Tensor
from torch.nn import functional as F

from slowfast.ssl.mining import mine_positives

GOAL_CPU_SECONDS = 4.0
GOAL_OF_LOOP = 0.5
LARGE_SETS = {"Kinetics-400": 232_067, "AudioSet": 1_784_108}
TIE = 1e-5


def banks(size: int, dim: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return a video and an audio bank."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for _ in range(2):
        centres = F.normalize(torch.randn(max(size // 40, 1), dim, generator=generator))
        which = torch.randint(len(centres), (size,), generator=generator)
        noise = 0.15 * torch.randn(size, dim, generator=generator)
        made.append(F.normalize(centres[which] + noise).to(device))
    return made[0], made[1]


def products(video: Tensor, audio: Tensor, rows: int) -> None:
    """Multiply as much as mining does, and do nothing with it: the lower bound of its time."""
    tile = torch.empty(1000, 2000, device=video.device)
    for first in range(0, rows, len(tile)):
        for begin in range(0, len(video), tile.shape[1]):
            for bank in (video, audio):
                left, right = bank[first : first + len(tile)], bank[begin : begin + tile.shape[1]]
                torch.mm(left, right.T, out=tile[: len(left), : len(right)])


def loop_of_16(video: Tensor, audio: Tensor, k: int, rows: int) -> Tensor:
    """Mine as the published implementation does: 16 queries against the whole banks."""
    found = []
    for first in range(0, rows, 16):
        last = min(first + 16, rows)
        both = torch.stack([bank @ bank[first:last].T for bank in (video, audio)])
        found.append(both.min(dim=0).values.topk(k + 1, dim=0).indices[1:].T)
    return torch.cat(found).sort(dim=1).values


def peak_on(device: torch.device, work) -> float | None:
    """Return how far memory of a device rises during a work, or None where unknown."""
    if device.type != "cuda":
        return peak_megabytes(work)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    return (torch.cuda.max_memory_allocated() - before) / 1e6


def disagreements(video: Tensor, audio: Tensor, ours: Tensor, theirs: Tensor) -> tuple[int, int]:
    """Return the rows with another set, and those of them that rounding does not explain."""
    rows = (ours != theirs).any(dim=1).nonzero().flatten().tolist()
    wrong = 0
    for row in rows:
        scores = torch.minimum(video @ video[row], audio @ audio[row])
        best = [scores[sets[row]].sort().values for sets in (ours, theirs)]
        wrong += bool((best[0] - best[1]).abs().max() > TIE)
    return len(rows), wrong


def report_mining(args, device: torch.device) -> None:
    """Print the part about mining."""
    video, audio = banks(args.n, args.dim, device)
    rows = min(args.loop_rows or args.n, args.n)
    few = slice(0, max(4 * args.k, 64))
    mine_positives(video[few], audio[few], args.k)
    peak = peak_on(device, lambda: mine_positives(video, audio, args.k))
    works = {
        "matrix products alone": lambda: products(video, audio, args.n),
        "mine_positives": lambda: mine_positives(video, audio, args.k),
        "loop over 16 queries": lambda: loop_of_16(video, audio, args.k, rows),
    }
    loop_of_16(video, audio, args.k, 16)
    measured = in_turns(works, args.rounds)
    seconds = {name: median(rounds) for name, rounds in measured.items()}
    loop = tuple(value * args.n / rows for value in seconds["loop over 16 queries"])
    seconds["loop over 16 queries"] = loop
    print(f"{'':26}{'wall s':>9}{'CPU-s':>9}{'GFLOP/s':>10}")
    for name, (wall, cpu) in seconds.items():
        print(f"{name:26}{wall:9.2f}{cpu:9.2f}{4e-9 * args.n**2 * args.dim / wall:10.0f}")
    if rows < args.n:
        print(f"(the loop ran for {rows:,} queries; its seconds are scaled to all)")
    (floor, _), (wall, cpu) = seconds["matrix products alone"], seconds["mine_positives"]
    # On a GPU the clock counts; a CPU is shared, and the work of its threads counts.
    ratio = wall / loop[0] if device.type == "cuda" else cpu / loop[1]
    print(f"share of the products' speed: {100 * floor / wall:.0f} %")
    print(f"of the loop's {'wall' if device.type == 'cuda' else 'CPU-'}seconds: {ratio:.2f}")
    print(f"peak extra memory: {'not known here' if peak is None else f'{peak:.0f} MB'}")
    ours = mine_positives(video, audio, args.k, rows=range(rows))
    different, wrong = disagreements(video, audio, ours, loop_of_16(video, audio, args.k, rows))
    print(
        f"sets against the loop's: {rows - different:,} of {rows:,} equal, {different - wrong} "
        f"differ by scores equal within {TIE:g}, {wrong} differ otherwise"
    )
    for name, size in LARGE_SETS.items():
        more = (size / args.n) ** 2
        minutes = f"wall {wall * more / 60:.1f} min, CPU {cpu * more / 60:.1f} min"
        print(f"extrapolated by N^2, not measured: {name} ({size:,} rows) {minutes}")
    size = f"{args.n:,} x {args.dim}"
    table_row(f"mining of positives, {size}", ratio, "of a loop over 16 queries", most=GOAL_OF_LOOP)
    table_row("the same", wall / floor, "of the matrix products alone")
    if device.type == "cpu" and (args.n, args.k, args.dim) == (20_000, 32, 128):
        table_row("the same", cpu, "CPU-s", most=GOAL_CPU_SECONDS)


def report_gather(args, device: torch.device) -> None:
    """Print the part about gathering the negatives of a batch from a bank."""
    batch, negatives, rows = 64, 1024, 240_000
    bank = torch.randn(rows, args.dim, device=device)
    index = torch.randint(rows, (batch, negatives), device=device)
    works = {
        "bank[index]": lambda: bank[index],
        "index_select": lambda: bank.index_select(0, index.flatten()).unflatten(0, index.shape),
    }
    assert torch.equal(*(work() for work in works.values()))
    slow, fast = (median(rounds).wall for rounds in in_turns(works, args.gather_rounds).values())
    print(
        f"gather of {batch} x {negatives} rows from {rows:,} x {args.dim}: bank[index] "
        f"{1e3 * slow:.2f} ms, index_select {1e3 * fast:.2f} ms, equal numbers, "
        f"{slow / fast:.2f} times as fast"
    )
    table_row(
        "gather of negatives by index_select", slow / fast, "times as fast as bank[index]", least=1
    )


def main() -> int:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=20_000, help="instances")
    parser.add_argument("--k", type=int, default=32, help="positives per instance")
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--rounds", type=int, default=3, help="of mining")
    parser.add_argument("--loop-rows", type=int, help="queries of the loop (default: all)")
    parser.add_argument("--gather-rounds", type=int, default=41)
    args = parser.parse_args()
    device = torch.device(args.device)
    print(setting(args.device))
    print(f"{args.n:,} x {args.dim}, k {args.k}, consensus")
    print(f"medians of {args.rounds} rounds in turns; of {args.gather_rounds} for the gather")
    report_mining(args, device)
    report_gather(args, device)
    return 0


if __name__ == "__main__":
    sys.exit(main())
