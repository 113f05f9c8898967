#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Training with tepui beside torch on the same recipe: speed in turn, losses, curves of several seeds.

    bench/train_beside_torch.py speed RECIPE... [--rounds 5] [--steps 60,2]     tokens per second, all in
                                turn; steps of a round for each recipe
    bench/train_beside_torch.py losses RECIPE --runs DIR... --seeds 1,2,3  validation losses of finished
                                runs and of torch's, and what nanoGPT's estimate from 20 batches makes of them
    bench/train_beside_torch.py curves RECIPE --seeds 1,2 --steps 40       the first steps of both

Options of all: --tepui build/tepui, --threads N. torch_gpt2.py says what torch runs.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time
import tomllib

import torch

from torch_gpt2 import Training


def numbers(text):
    return [int(number) for number in text.split(",") if number]


def shortened(recipe, source, folder, name, **train):
    """A copy of the recipe in the folder, with other keys in [train]; gives its path."""
    own = {part: dict(table) for part, table in recipe.items() if isinstance(table, dict)}
    own["data"]["text"] = str((source.parent / own["data"]["text"]).resolve())
    own["train"].update(train)
    lines = [f'out = "{name}"']
    for part, table in own.items():
        lines += [f"[{part}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    file = folder / f"{name}.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


def train_tepui(a, recipe, *options):
    command = [a.tepui, "train", recipe, "--json", "--backend", "cpu", "--threads", str(a.threads)]
    done = subprocess.run([*map(str, command), *options], check=True, capture_output=True)
    return json.loads(done.stdout)


class SpeedRounds:
    def __init__(self, a, file, recipe, steps):
        self.a, self.file, self.recipe, self.steps, self.ratios = a, file, recipe, steps, []
        self.other = Training(recipe, file.parent, 1)
        self.other.step(0)

    def go_on(self):
        with tempfile.TemporaryDirectory() as folder:
            own = shortened(self.recipe, self.file, pathlib.Path(folder), "run", evaluation_batches=1)
            result = train_tepui(self.a, own, "--until", str(self.steps))
        ours = result["tokens"] / result["seconds"]
        begin = time.perf_counter()
        for step in range(self.steps):
            self.other.step(step)
        tokens = self.recipe["train"].get("batch", 12) * self.recipe["model"]["context"] * self.steps
        theirs = tokens / (time.perf_counter() - begin)
        self.ratios.append(ours / theirs)
        print(f"{self.file.stem:16} tepui {ours:8.0f} tokens/s  torch {theirs:8.0f} tokens/s  "
              f"ratio {ours / theirs:.2f}", flush=True)


def speed(a, recipes):
    runs = [SpeedRounds(a, file, recipe, steps) for (file, recipe), steps in zip(recipes, a.steps)]
    for _ in range(a.rounds):
        for run in runs:
            run.go_on()
    for run in runs:
        print(f"{run.file.stem}: median ratio {statistics.median(run.ratios):.2f} "
              f"({min(run.ratios):.2f}-{max(run.ratios):.2f}), {a.threads} threads, torch {torch.__version__}")


def line_of(name, whole, found, published):
    cuts = statistics.quantiles(found, n=20)
    return (f"{name:24} {whole:7.4f}  {statistics.mean(found):7.4f}  {statistics.stdev(found):6.4f}  "
            f"{cuts[0]:.4f} to {cuts[-1]:.4f}  {sum(x <= published for x in found) / len(found):6.1%}")


def losses(a, recipe):
    sequences = recipe["train"].get("evaluation_batches", 20) * recipe["train"].get("batch", 12)
    print(f"validation loss, nats a token: of the whole split, and {a.draws} times of {sequences} random "
          f"sequences\n{'':24} {'whole':>7}  {'mean':>7}  {'sd':>6}  5 % to 95 %       to {a.published}",
          flush=True)
    both = {"tepui": [], "torch": []}

    def show(engine, name, trained, note=""):
        whole = trained.validation_loss()
        both[engine].append(whole)
        found = trained.estimates(a.draws, sequences)
        print(line_of(f"{engine} {name}", whole, found, a.published) + note, flush=True)

    for run in a.runs:
        trained = Training(recipe, a.recipe.parent, 1)
        trained.model.load(max(run.glob("step-[0-9]*")))
        summary = run / "summary.json"  # of a grid's run
        own = json.loads(summary.read_text())["validation_loss"] if summary.exists() else None
        show("tepui", run.name, trained, "" if own is None else f"  (tepui's own: {own:.4f})")
    for seed in a.seeds:
        trained = Training(recipe, a.recipe.parent, seed)
        for step in range(recipe["train"]["steps"]):
            trained.step(step)
        show("torch", f"seed={seed}", trained)
    for name, found in both.items():
        if len(found) > 1:
            print(f"{name}, whole split: mean {statistics.mean(found):.4f}, standard deviation over "
                  f"{len(found)} seeds {statistics.stdev(found):.4f}")


class TepuiCurve:
    def __init__(self, a, recipe, seed, folder):
        self.a, self.recipe, self.run = a, recipe, folder / f"tepui-{seed}"
        self.file = shortened(recipe, a.recipe, folder, self.run.name, seed=seed,
                              evaluate_every=1 << 30, evaluation_batches=1)

    def go_on(self, step):
        train_tepui(self.a, self.file, "--until", str(step))
        lines = map(json.loads, (self.run / "training.jsonl").read_text().splitlines())
        found = [line["loss"] for line in lines if "loss" in line]
        trained = Training(self.recipe, self.a.recipe.parent, 1)
        trained.model.load(self.run / f"step-{step:06}")
        return statistics.mean(found[step - self.a.every:step]), trained.validation_loss(self.a.windows)


class TorchCurve:
    def __init__(self, a, recipe, seed, _folder):
        self.a, self.done = a, 0
        self.training = Training(recipe, a.recipe.parent, seed)
        self.random = torch.get_rng_state()

    def go_on(self, step):
        torch.set_rng_state(self.random)
        found = [self.training.step(i) for i in range(self.done, step)]
        self.random, self.done = torch.get_rng_state(), step
        return statistics.mean(found), self.training.validation_loss(self.a.windows)


def curves(a, recipe):
    print(f"to step N: the mean training loss of the {a.every} steps before it, then the loss of the first "
          f"{a.windows} contexts\nof the validation data; apart: tepui's mean less torch's, and the seeds of "
          "one from each other at most\n" +
          f"{'':17}" +
          "".join(f"{f'{engine} {seed}':>10}" for engine in ("tepui", "torch") for seed in a.seeds) +
          f"{'apart':>10}{'seeds':>9}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        runs = [kind(a, recipe, seed, pathlib.Path(folder)) for kind in (TepuiCurve, TorchCurve)
                for seed in a.seeds]
        for step in range(a.every, a.steps[0] + 1, a.every):
            found = [run.go_on(step) for run in runs]
            for name, values in zip((f"{step:5}  training", f"{step:5}  validation"), zip(*found)):
                x, y = values[:len(a.seeds)], values[len(a.seeds):]
                seeds = max(max(x) - min(x), max(y) - min(y))
                print(f"{name:17}" + "".join(f"{value:10.4f}" for value in values) +
                      f"{statistics.mean(x) - statistics.mean(y):+10.4f}{seeds:9.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("speed", "losses", "curves"))
    parser.add_argument("recipe", type=pathlib.Path, nargs="+")
    parser.add_argument("--tepui", type=pathlib.Path, default="build/tepui")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=numbers, help="speed: of a round; curves: all", default=[60])
    parser.add_argument("--seeds", type=numbers, default=[1])
    parser.add_argument("--runs", type=pathlib.Path, nargs="*", default=[], help="losses: finished runs")
    parser.add_argument("--draws", type=int, default=1000, help="losses: estimates that are drawn")
    parser.add_argument("--published", type=float, default=1.88, help="losses: how many reach it is told")
    parser.add_argument("--batch", type=int, help="sequences of a step (default: the recipe's)")
    parser.add_argument("--every", type=int, default=5, help="curves: steps of a row")
    parser.add_argument("--windows", type=int, default=64, help="curves: contexts of the validation data")
    a = parser.parse_args()
    a.tepui = a.tepui.resolve()
    torch.set_num_threads(a.threads)
    recipes = [(file, tomllib.loads(file.read_text())) for file in a.recipe]
    if a.batch:
        for _, recipe in recipes:
            recipe["train"]["batch"] = a.batch
    if a.what == "speed":
        if len(a.steps) != len(recipes):
            parser.error(f"expected --steps for each of {len(recipes)} recipes, found {len(a.steps)}")
        return speed(a, recipes)
    if len(recipes) > 1:
        parser.error(f"{a.what}: expected one recipe, found {len(recipes)}")
    a.recipe = a.recipe[0]
    {"losses": losses, "curves": curves}[a.what](a, recipes[0][1])


if __name__ == "__main__":
    main()
