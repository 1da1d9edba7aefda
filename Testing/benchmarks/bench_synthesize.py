"""What FGDL's synthesis of one slice costs on two CPU threads, next to the same network layer by layer.

    python Testing/benchmarks/bench_synthesize.py [--quick] [--threads 1]

The rival, `LiteralNetwork` below, is the network as it is drawn: every layer one layer of torch, features as (batch,
channel, row, column), queries and keys normalised as such, one 1x1 convolution after the other. It gets the weights of
ours and is its oracle at the same time: images must be equal to 1e-4 before anything is timed. Width 48, which is
30.0 million weights, one slice of 256 x 256, float32. The two take turns, so that other work on the machine meets both;
the goal is for the ratio of the best times: on the clock, or of CPU seconds with ``--threads 1``. A training step
(forward and backward, an eighth of the pixels) is timed as well, without a goal.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

ROOT = Path(__file__).resolve().parents[2]
GOAL, ALIKE = 0.6, 1e-4
CASE = {"width": 48, "size": (256, 256), "training": (96, 96)}
QUICK = {"width": 4, "size": (72, 40), "training": (32, 32)}


class Norm(nn.LayerNorm):
    """Layer normalisation over the channels of each pixel (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).contiguous()


class Attention(nn.Module):
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm = Norm(channels)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.expand = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.depthwise = nn.Conv2d(3 * channels, 3 * channels, 3, padding=1, groups=3 * channels, bias=False)
        self.project = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        parts = self.depthwise(self.expand(self.norm(x))).chunk(3, dim=1)
        heads = len(self.temperature)
        q, k, v = (part.reshape(batch, heads, channels // heads, height * width) for part in parts)
        q, k = functional.normalize(q, dim=-1), functional.normalize(k, dim=-1)
        attention = (q @ k.transpose(-2, -1) * self.temperature).softmax(dim=-1)
        return self.project((attention @ v).reshape(x.shape))


class FeedForward(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = int(2.66 * channels)
        self.norm = Norm(channels)
        self.expand = nn.Conv2d(channels, 2 * hidden, 1, bias=False)
        self.depthwise = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden, bias=False)
        self.project = nn.Conv2d(hidden, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        opening, values = self.depthwise(self.expand(self.norm(x))).chunk(2, dim=1)
        return self.project(functional.gelu(opening) * values)


class Block(nn.Module):
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.attention = Attention(channels, heads)
        self.feed_forward = FeedForward(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.feed_forward(x)


def blocks(channels: int, heads: int) -> nn.Sequential:
    return nn.Sequential(Block(channels, heads), Block(channels, heads))


class Down(nn.Module):
    def __init__(self, channels: int, heads: int, reduced: int | None = None) -> None:
        super().__init__()
        self.halve = nn.ModuleDict({"reduce": nn.Conv2d(channels, channels // 2, 3, padding=1, bias=False)})
        self.blocks = blocks(2 * channels, heads)
        self.reduce = nn.Conv2d(2 * channels, reduced, 1, bias=False) if reduced else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.reduce(self.blocks(functional.pixel_unshuffle(self.halve["reduce"](x), 2)))


class Up(nn.Module):
    def __init__(self, channels: int, skip: int, heads: int, reduced: int | None = None) -> None:
        super().__init__()
        joined = channels // 2 + skip
        self.enlarge = nn.ModuleDict({"expand": nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)})
        self.join = nn.Conv2d(joined, reduced, 1, bias=False) if reduced else nn.Identity()
        self.blocks = blocks(reduced or joined, heads)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        finer = functional.pixel_shuffle(self.enlarge["expand"](x), 2)
        return self.blocks(self.join(torch.cat((finer, skip), dim=1)))


class LiteralNetwork(nn.Module):
    """The specification's table, row by row; sides are padded by reflection to multiples of 32."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.entrance = nn.Conv2d(1, w, 3, padding=1, bias=False)
        self.first = blocks(w, 1)
        self.encoders = nn.ModuleList(
            [Down(w, 2), Down(2 * w, 4), Down(4 * w, 4, 4 * w), Down(4 * w, 4, 4 * w), Down(4 * w, 4)]
        )
        self.decoders = nn.ModuleList(
            [Up(8 * w, 4 * w, 4), Up(8 * w, 4 * w, 4), Up(8 * w, 4 * w, 4, 4 * w), Up(4 * w, 2 * w, 2, 2 * w)]
        )
        self.decoders.append(Up(2 * w, w, 1, w))
        self.refine = Block(w, 1)
        self.exit = nn.Conv2d(w, 1, 3, padding=1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        (top, bottom), (left, right) = ((-size % 32 // 2, -size % 32 - -size % 32 // 2) for size in (height, width))
        x = functional.pad(2 * image - 1, (left, right, top, bottom), mode="reflect")
        skips = [self.first(self.entrance(x))]
        for encoder in self.encoders:
            skips.append(encoder(skips[-1]))
        x = skips.pop()
        for decoder in self.decoders:
            x = decoder(x, skips.pop())
        x = self.exit(self.refine(x))
        return (x[..., top : top + height, left : left + width] + 1) / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a small problem, which says nothing about speed")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, default=ROOT / "runs" / "bench" / "synthesize.json")
    args = parser.parse_args()
    measured = measure(QUICK if args.quick else CASE, args.repeats, args.threads)
    print(as_table(measured))
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {args.json}")
    if measured["difference"] > ALIKE:
        sys.exit(f"not the same network: images differ by {measured['difference']:.1e}")


def networks(width: int) -> tuple[nn.Module, LiteralNetwork]:
    """Ours and the literal one with the same weights, none of which hides the rest."""
    from mrienhance.methods import get_method

    method = get_method("fgdl")
    torch.manual_seed(0)
    ours = method.build(method.Config(width=width)).eval()
    literal = LiteralNetwork(width).eval()
    literal.load_state_dict(ours.state_dict())
    return ours, literal


def measure(case: dict[str, Any], repeats: int, threads: int = 2) -> dict[str, Any]:
    torch.set_num_threads(threads)
    ours, literal = networks(case["width"])
    image = torch.rand(1, 1, *case["size"], generator=torch.Generator().manual_seed(1))
    patch = torch.rand(1, 1, *case["training"], generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        difference = float((ours(image) - literal(image)).abs().max())

    def infer(network: nn.Module) -> None:
        with torch.inference_mode():
            network(image)

    def learn(network: nn.Module) -> None:
        network.zero_grad()
        network(patch).square().mean().backward()

    rows = []
    for name, job in (("inference", infer), ("training step", learn)):
        found = in_turn({"literal": lambda job=job: job(literal), "ours": lambda job=job: job(ours)}, repeats)
        rows.append({"job": name, **found})
    return {
        "case": case,
        "rows": rows,
        "difference": difference,
        "threads": threads,
        "parameters": sum(parameter.numel() for parameter in ours.parameters()),
        "cpu": platform.processor() or platform.machine(),
        "torch": torch.__version__,
    }


def in_turn(jobs: dict[str, Callable[[], None]], repeats: int) -> dict[str, dict[str, float]]:
    """Best seconds on the clock and of the CPU of each job; they run alternately, and once before it counts."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(repeats + 1):
        for name, job in jobs.items():
            began = time.perf_counter(), time.process_time()
            job()
            times[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    best = {name: [min(column) for column in zip(*found[1:], strict=True)] for name, found in times.items()}
    return {name: dict(zip(("clock", "cpu"), found, strict=True)) for name, found in best.items()}


def as_table(measured: dict[str, Any]) -> str:
    # One thread by itself takes as long as it computes; two that wait for each other count as busy.
    kind = "cpu" if measured["threads"] == 1 else "clock"
    lines = [["a slice", "literal [s]", "ours [s]", "ratio", ""]]
    for row in measured["rows"]:
        literal, ours = row["literal"][kind], row["ours"][kind]
        missed = row["job"] == "inference" and ours > GOAL * literal
        verdict = f"MISSED: <= {GOAL:g}" if missed else ""
        lines.append([row["job"], f"{literal:.3f}", f"{ours:.3f}", f"{ours / literal:.2f}", verdict])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    rows, columns = measured["case"]["size"]
    size = f"{rows} x {columns}, width {measured['case']['width']}, {measured['parameters'] / 1e6:.1f} million weights"
    same = f"images differ by {measured['difference']:.1e}; goal: a ratio of {GOAL:g} ({kind} seconds)"
    machine = f"{measured['cpu']}, {measured['threads']} thread(s), torch {measured['torch']}"
    return "\n".join([*text, "", size, same, machine])


if __name__ == "__main__":
    main()
