"""The command line that the tools share.

    run_net.py --cfg A.yaml [B.yaml ...] [--opts] [KEY VALUE ...]

Words after ``--cfg`` are files as long as they end in .yaml or .yml; all other bare words, with or
without ``--opts`` before them, are overrides. Later files and overrides win. ``KEY=VALUE`` and
``--KEY VALUE`` are understood too.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence

from slowfast.config import CfgNode, load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.utils.paths import expand_paths, short_names

# A key as other programs take it, with two dashes before it or its value after an equals sign.
KEY = re.compile(r"(?:--)?([A-Z]\w*(?:\.\w+)*)(?:=(.*))?", re.DOTALL)
FILE_ENDINGS = (".yaml", ".yml")
CFG_FLAGS = ("--cfg", "--cfg_file")
# Flags of PySlowFast, and the values that its programs find for one machine.
LAUNCH_FLAGS = {"--init_method": "tcp://localhost:9999", "--num_shards": 1, "--shard_id": 0}
REPEATS = {"fold": "DATA.FOLD", "seed": "RNG_SEED", "checkpoint": "MODEL.CKPT"}
RANDOM = "random"  # what a network without a checkpoint is called among checkpoints
FLAGS_WITH_VALUE = (*(f"--{name}s" for name in REPEATS), "--help-config", "--import", *LAUNCH_FLAGS)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read a command line (``sys.argv`` by default).

    Returns ``cfg_files`` and ``opts`` (lists of words), ``folds`` and ``seeds`` (lists of int,
    or None), ``checkpoints`` (a list of paths, or None), ``imports`` (names of modules), ``help_config`` (a prefix, or None when not asked for),
    ``dry_run``, and PySlowFast's ``init_method``, ``num_shards`` and ``shard_id`` of one machine. A command line that cannot be understood ends the program with one sentence and status 2.
    """
    parser = _parser()
    words = sys.argv[1:] if argv is None else list(argv)
    files, overrides, flags = _split(words, parser)
    args = parser.parse_args(flags)
    for flag, value in LAUNCH_FLAGS.items():
        if getattr(args, flag.removeprefix("--")) is not None:
            parser.error(
                f"{flag} is not supported: start a run on several machines with torchrun "
                "(torchrun --nnodes 2 --nproc-per-node 8 ... tools/run_net.py --cfg ...)"
            )
        setattr(args, flag.removeprefix("--"), value)
    if len(overrides) % 2:
        parser.error(
            f"overrides are pairs of KEY VALUE; {overrides[-1]!r} has no partner in: "
            f"{' '.join(overrides)}"
        )
    if not files and args.help_config is None:
        parser.error(
            "no config given: add --cfg FILE.yaml (see configs/), or --help-config to list all keys"
        )
    args.cfg_files = files
    args.opts = overrides
    return args


def load_config(args: argparse.Namespace, path_to_config: str | None = None) -> CfgNode:
    """Return the config of a command line; ``path_to_config`` takes the place of its files."""
    files = args.cfg_files if path_to_config is None else [path_to_config]
    words, imports = (getattr(args, name, None) or [] for name in ("opts", "imports"))
    cfg = load_cfg(files or [], words, imports)
    for key, attribute in (("RNG_SEED", "rng_seed"), ("OUTPUT_DIR", "output_dir")):
        if getattr(args, attribute, None) is not None:
            cfg.merge_from_list([key, getattr(args, attribute)])
    expand_paths(cfg)
    return cfg


def repeated(args: argparse.Namespace) -> str | None:
    """Return what a command line repeats its run over: ``fold``, ``seed``, ``checkpoint`` or None."""
    return next((name for name in REPEATS if getattr(args, f"{name}s")), None)


def each_run(args: argparse.Namespace) -> dict[int | str | None, CfgNode]:
    """Return the config of each run, by its fold, seed or checkpoint; by None of a single one.

    Several have a folder each in OUTPUT_DIR, named by what differs.
    """
    name, first = repeated(args), load_config(args)
    if name is None:
        return {None: first}
    values, found = getattr(args, f"{name}s"), {}
    if name == "checkpoint":
        paths = [value for value in values if value != RANDOM]
        names = dict(zip(paths, short_names(paths), strict=True))
        folders = [names.get(value, value).replace("/", "-") for value in values]
    else:
        folders = [f"{name}-{value:02d}" for value in values]
    for value, folder in zip(values, folders, strict=True):
        words = ["OUTPUT_DIR", f"{first.OUTPUT_DIR}/{folder}"]
        if value != RANDOM:
            words += [REPEATS[name], value]
            if name == "checkpoint" and not first.MODEL.INIT_METHOD:
                words += ["MODEL.INIT_METHOD", "auto"]
        cfg = load_config(argparse.Namespace(**{**vars(args), "opts": [*args.opts, *words]}))
        for key in ("CKPT", "INIT_METHOD") if value == RANDOM else ():
            if cfg.MODEL[key]:  # which also makes it one that is read, where it was given
                cfg.MODEL[key] = None
        found[value] = cfg
    return found


def checked_config(argv: Sequence[str] | None = None) -> CfgNode:
    """Return the config of a command line, checked as a run checks it."""
    return assert_and_infer_cfg(load_config(parse_args(argv)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        usage="%(prog)s --cfg FILE.yaml [FILE.yaml ...] [--opts] [KEY VALUE ...] [options]",
        description="Run what one config describes. Later files and overrides win.",
        allow_abbrev=False,
    )
    # _split takes these two before argparse sees them; they are here to be listed by --help.
    parser.add_argument("--cfg", metavar="FILE.yaml", help="YAML files, merged into one run")
    parser.add_argument("--opts", metavar="KEY VALUE", help="overrides; the word is optional")
    repeats = parser.add_mutually_exclusive_group()
    repeats.add_argument(
        "--folds", type=_numbers(1), metavar="1,2,3", help="run these data splits and average"
    )
    repeats.add_argument(
        "--seeds", type=_numbers(0), metavar="1,2,3", help="run with these RNG_SEEDs and average"
    )
    repeats.add_argument(
        "--checkpoints",
        type=_paths,
        metavar="random,A,B",
        help="run with these as MODEL.CKPT, each in a folder of its own, and compare; "
        f"{RANDOM} is a network without any",
    )
    parser.add_argument(
        "--help-config", nargs="?", const="", metavar="PREFIX", help="explain the config keys"
    )
    parser.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE",
        help="import your own module first (again for more); what it registers counts like ours",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="build everything, run one step and report"
    )
    for flag in LAUNCH_FLAGS:
        parser.add_argument(flag, nargs="?", const="", help=argparse.SUPPRESS)
    return parser


def _split(
    words: list[str], parser: argparse.ArgumentParser
) -> tuple[list[str], list[str], list[str]]:
    """Sort the words of a command line into config files, overrides and flags."""
    files: list[str] = []
    overrides: list[str] = []
    flags: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag in CFG_FLAGS:
            rest = [value, *rest] if equals else rest
            count = _count_files(rest)
            if not count:
                found = f", found {rest[0]!r}" if rest else ""
                parser.error(f"{flag} needs the path of a .yaml or .yml file{found}")
            files += rest[:count]
            rest = rest[count:]
        elif flag == "--opts":
            rest = [value, *rest] if equals else rest
        elif len(overrides) % 2 == 0 and (key := KEY.fullmatch(word)):
            overrides += [part for part in key.groups() if part is not None]
        elif word == "-h" or word.startswith("--"):
            flags.append(word)
            if word in FLAGS_WITH_VALUE and rest and not rest[0].startswith("--"):
                flags.append(rest.pop(0))
        else:
            overrides.append(word)
    return files, overrides, flags


def _count_files(words: list[str]) -> int:
    count = 0
    while count < len(words) and words[count].lower().endswith(FILE_ENDINGS):
        count += 1
    return count


def _paths(text: str) -> list[str]:
    """Return paths with commas between, as an argparse type."""
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise argparse.ArgumentTypeError(f"expected paths such as random,A,B, found {text!r}")
    return _distinct(words, text)


def _numbers(low: int) -> Callable[[str], list[int]]:
    """Return an argparse type: different whole numbers from ``low``, with commas between."""

    def read(text: str) -> list[int]:
        words = text.split(",")
        if not all(word.strip().isdecimal() and int(word) >= low for word in words):
            raise argparse.ArgumentTypeError(f"expected numbers such as 1,2,3, found {text!r}")
        return _distinct([int(word) for word in words], text)

    return read


def _distinct(values: list, text: str) -> list:
    if len(set(values)) < len(values):
        raise argparse.ArgumentTypeError(f"one is named twice in {text!r}")
    return values
