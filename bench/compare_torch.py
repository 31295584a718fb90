"""Training speed of munas against PyTorch, one thread each, in turn, in one run.

    pip install torch
    cargo build --release
    python bench/compare_torch.py [--munas target/release/munas] [--networks ABC] [--rounds 5] [--compile]

For each network: PyTorch in both memory layouts (with --compile also compiled, which needs a C++ compiler), then
`munas bench`, and so on for some rounds. A step is forward, backward and SGD with momentum and weight decay on the
same batch of 128 synthetic samples. Printed are the best of all rounds of each side and their ratio, and the median of the
ratios of the rounds: the machine drifts, so rounds are compared within themselves.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
import torch
from torch import nn
from torch.nn import functional

BATCH = 128
WARM_UP_STEPS, STEPS, REPETITIONS = 5, 15, 3
ROOT = pathlib.Path(__file__).resolve().parent.parent


def network_a():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Conv2d(4, 4, 3, groups=4), nn.ReLU(),
        nn.Conv2d(4, 8, 1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 10, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(90, 10),
    ), (1, 28, 28)


def network_b():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 16, 3, groups=16), nn.ReLU(),
        nn.Conv2d(16, 32, 1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(512, 10),
    ), (3, 32, 32)


def network_c():
    return nn.Sequential(
        nn.Conv2d(3, 24, 3), nn.BatchNorm2d(24), nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(24, 48, 3), nn.BatchNorm2d(48), nn.ReLU(),
        nn.Conv2d(48, 48, 3, groups=48), nn.ReLU(),
        nn.Conv2d(48, 64, 1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(576, 10),
    ), (3, 32, 32)


NETWORKS = {"A": network_a, "B": network_b, "C": network_c}


def torch_speed(name, channels_last, compiled):
    """Samples per second of the best repetition."""
    torch.manual_seed(0)
    model, shape = NETWORKS[name]()
    samples, labels = torch.randn(BATCH, *shape), torch.randint(0, 10, (BATCH,))
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        samples = samples.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    forward = torch.compile(model) if compiled else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(forward(samples), labels).backward()
        optimizer.step()

    for _ in range(WARM_UP_STEPS):
        step()
    best = float("inf")
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        for _ in range(STEPS):
            step()
        best = min(best, (time.perf_counter() - start) / STEPS)
    return BATCH / best


def munas_speed(munas, name):
    """The report of `munas bench` on one network: speed, share of the FMA peak, instruction set."""
    output = subprocess.run([munas, "bench", "--network", name, "--json"], check=True, capture_output=True).stdout
    report = json.loads(output)
    network = report["networks"][0]
    return network["samples_per_second"], network["share_of_peak"], report["instruction_set"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--munas", default=str(ROOT / "target/release/munas"))
    parser.add_argument("--networks", default="ABC")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    layouts = [(last, compiled) for last in (False, True) for compiled in {False, arguments.compile}]
    print(f"PyTorch {torch.__version__}, batches of {BATCH}, one thread; best of {arguments.rounds} rounds")
    print("network  PyTorch/s  munas/s  ratio of best  median ratio  of FMA peak  instruction set")
    for name in arguments.networks:
        torch_best, munas_best, share, ratios = 0.0, 0.0, 0.0, []
        for _ in range(arguments.rounds):
            peer = max(torch_speed(name, last, compiled) for last, compiled in layouts)
            own, own_share, isa = munas_speed(arguments.munas, name)
            ratios.append(own / peer)
            torch_best = max(torch_best, peer)
            munas_best, share = max((munas_best, share), (own, own_share))
        print(
            f"{name:>7}  {torch_best:9.0f}  {munas_best:7.0f}  {munas_best / torch_best:12.1f}x"
            f"  {statistics.median(ratios):11.1f}x  {share:10.0%}  {isa}",
            flush=True,
        )


if __name__ == "__main__":
    main()
