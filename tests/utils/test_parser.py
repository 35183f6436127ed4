"""The command line of the tools."""

import argparse
from pathlib import Path

import pytest

from slowfast.utils.arguments import begin_command
from slowfast.utils.parser import each_run, load_config, parse_args


def parse(line):
    return parse_args(line.split())


@pytest.mark.parametrize(
    ("line", "files", "opts"),
    [
        ("--cfg a.yaml", "a.yaml", ""),
        ("--cfg=a.yaml", "a.yaml", ""),
        ("--cfg_file a.yml", "a.yml", ""),
        ("--cfg a.yaml b.yml", "a.yaml b.yml", ""),
        ("--cfg a.yaml --cfg b.yaml", "a.yaml b.yaml", ""),
        ("--cfg a.yaml --opts NUM_GPUS 0", "a.yaml", "NUM_GPUS 0"),
        ("--cfg a.yaml NUM_GPUS 0 TASK x", "a.yaml", "NUM_GPUS 0 TASK x"),
        ("NUM_GPUS 0 --cfg a.yaml NUM_GPUS 1", "a.yaml", "NUM_GPUS 0 NUM_GPUS 1"),
        ("--cfg a.yaml NUM_GPUS 0 --cfg b.yaml", "a.yaml b.yaml", "NUM_GPUS 0"),
        ("--cfg a.yaml DEMO.DETECTRON2_CFG d.yaml", "a.yaml", "DEMO.DETECTRON2_CFG d.yaml"),
        ("--cfg a.yaml DEMO.WEBCAM -1", "a.yaml", "DEMO.WEBCAM -1"),
        ("--cfg a.yaml A.B -1e-3 A.C -inf", "a.yaml", "A.B -1e-3 A.C -inf"),
        ("--cfg a.yaml --dry-run --opts TASK x --folds 1,2", "a.yaml", "TASK x"),
        ("--cfg a.yaml --opts", "a.yaml", ""),
        ("--cfg a.yaml SOLVER.MAX_EPOCH=2 NUM_GPUS 0", "a.yaml", "SOLVER.MAX_EPOCH 2 NUM_GPUS 0"),
        ("--cfg a.yaml --SOLVER.MAX_EPOCH 2", "a.yaml", "SOLVER.MAX_EPOCH 2"),
        ("--cfg a.yaml --SOLVER.MAX_EPOCH=2", "a.yaml", "SOLVER.MAX_EPOCH 2"),
        ("--cfg a.yaml OUTPUT_DIR A=B TASK=x", "a.yaml", "OUTPUT_DIR A=B TASK x"),
    ],
)
def test_words_are_sorted_into_files_and_overrides(line, files, opts):
    args = parse(line)
    assert (args.cfg_files, args.opts) == (files.split(), opts.split())


def test_flags_may_stand_anywhere():
    args = parse("--dry-run --cfg a.yaml --folds 1,3 NUM_GPUS 0")
    assert args.dry_run and args.folds == [1, 3]
    assert parse("--cfg a.yaml --seeds 0,7").seeds == [0, 7]
    assert args.opts == ["NUM_GPUS", "0"]
    args = parse("--cfg a.yaml")
    assert (args.dry_run, args.folds, args.help_config) == (False, None, None)


def test_each_checkpoint_has_its_config_and_a_folder_named_by_what_tells_it_apart(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("TASK: probes\n")
    line = f"--cfg {file} OUTPUT_DIR out --checkpoints random,x/avid/last.pyth,y/avid/last.pyth"
    runs = each_run(parse(line))
    found = {value: (cfg.MODEL.CKPT, cfg.MODEL.INIT_METHOD) for value, cfg in runs.items()}
    assert found == {
        "random": (None, None),
        "x/avid/last.pyth": ("x/avid/last.pyth", "auto"),
        "y/avid/last.pyth": ("y/avid/last.pyth", "auto"),
    }
    folders = [cfg.OUTPUT_DIR.removeprefix("out/") for cfg in runs.values()]
    assert folders == ["random", "x-avid-last.pyth", "y-avid-last.pyth"]
    assert list(each_run(parse(f"--cfg {file} --checkpoints random"))) == ["random"]
    runs = each_run(parse(f"{line} MODEL.INIT_METHOD gdt MODEL.CKPT z"))
    assert runs["x/avid/last.pyth"].MODEL.INIT_METHOD == "gdt"
    assert runs["random"].MODEL.CKPT is None and "MODEL.CKPT" not in runs["random"].unread()


@pytest.mark.parametrize(
    ("line", "prefix"), [("--help-config", ""), ("--help-config SOLVER", "SOLVER")]
)
def test_help_config_needs_no_file(line, prefix):
    assert parse(line).help_config == prefix


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "--cfg FILE.yaml"),
        ("NUM_GPUS 0", "--cfg FILE.yaml"),
        ("--cfg", "needs the path"),
        ("--cfg=", "needs the path"),
        ("--cfg NUM_GPUS 0", "needs the path"),
        ("--cfg a.yaml NUM_GPUS", "NUM_GPUS"),
        ("--cfg a.yaml --opts=NUM_GPUS", "NUM_GPUS"),
        ("--cfg a.yaml --dryrun", "--dryrun"),
        ("--cfg a.yaml --dry", "--dry"),
        ("--cfg a.yaml --folds", "--folds"),
        ("--cfg a.yaml --folds one", "1,2,3"),
        ("--cfg a.yaml --folds 0", "1,2,3"),
        ("--cfg a.yaml --folds -1", "1,2,3"),
        ("--cfg a.yaml --folds 1,1", "twice"),
        ("--cfg a.yaml --checkpoints a,b,a", "twice"),
        ("--cfg a.yaml --checkpoints a,,b", "random,A,B"),
        ("--cfg a.yaml --checkpoints a --seeds 1", "not allowed with"),
        ("--cfg a.yaml --seeds 2,x", "1,2,3"),
        ("--cfg a.yaml --seeds 1 --folds 1", "not allowed with"),
        ("--cfg a.yaml --init_method tcp://localhost:9999", "torchrun"),
        ("--cfg a.yaml --num_shards 2", "torchrun"),
        ("--cfg a.yaml --num_shards=2", "torchrun"),
        ("--cfg a.yaml --shard_id", "torchrun"),
    ],
)
def test_wrong_command_lines_end_with_a_sentence(line, reason, capsys):
    with pytest.raises(SystemExit) as caught:
        parse(line)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


def test_help_is_printed(capsys):
    with pytest.raises(SystemExit) as caught:
        parse("-h")
    assert caught.value.code == 0
    assert "--help-config" in capsys.readouterr().out


def test_all_files_make_one_config(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("NUM_GPUS: 4\nTASK: a\n")
    second.write_text("NUM_GPUS: 2\n")
    args = parse(f"--cfg {first} {second} SOLVER.BASE_LR 1")
    cfg = load_config(args)
    assert (cfg.NUM_GPUS, cfg.TASK, cfg.SOLVER.BASE_LR) == (2, "a", 1.0)
    assert load_config(args, path_to_config=str(first)).NUM_GPUS == 4


def test_a_namespace_made_by_a_pyslowfast_tool_works(tmp_path):
    args = argparse.Namespace(cfg_files=None, opts=None, rng_seed=7, output_dir=str(tmp_path))
    cfg = load_config(args)
    assert cfg.RNG_SEED == 7
    assert cfg["OUTPUT_DIR"] == args.output_dir


@pytest.mark.parametrize("own", [True, False])
def test_a_tool_of_another_checkout_says_whose_package_it_runs(tmp_path, monkeypatch, capsys, own):
    root = Path(__file__).parents[2] if own else tmp_path
    for folder in ("slowfast", "tools"):
        (tmp_path / folder).mkdir()
    (tmp_path / "slowfast/__init__.py").touch()
    monkeypatch.setattr("sys.argv", [str(root / "tools/run_net.py")])
    begin_command()
    assert (f"set PYTHONPATH={tmp_path}" in capsys.readouterr().err) is not own
