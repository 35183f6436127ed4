"""Checking a config before anything is opened: each value, then values against each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slowfast.config.availability import unavailable
from slowfast.config.node import CfgNode
from slowfast.config.nodes import KEYS
from slowfast.utils.errors import ConfigError

# Modes of torch.compile that replay a step from the memory of the last one.
CUDA_GRAPH_MODES = ("reduce-overhead", "max-autotune")


def check_cfg(cfg: CfgNode) -> None:
    """Raise one ``ConfigError`` that names everything this config asks for and cannot get."""
    problems = list(_wrong_values(cfg))
    if not problems:  # the rules below may then count on types and ranges
        with cfg.unobserved():
            for rule in RULES:
                problems += rule(cfg)
            problems += unavailable(cfg)
    if problems:
        raise ConfigError("\n".join(problems))


def _wrong_values(cfg: CfgNode) -> Iterator[str]:
    for name, value in cfg.leaves().items():
        problem = KEYS[name].problem(value) if name in KEYS else ""
        if problem:
            yield f"{name} {problem} ({KEYS[name].meaning})."


def _batches(cfg: CfgNode) -> Iterator[str]:
    gpus = cfg.NUM_GPUS
    for loop in ("TRAIN", "TEST"):
        size = cfg[loop].BATCH_SIZE
        if gpus > 0 and size % gpus:
            yield f"{loop}.BATCH_SIZE {size} cannot be shared equally by NUM_GPUS {gpus}."
    parts = cfg.TRAIN.ACCUMULATION_STEPS * max(gpus, 1)
    if parts > gpus and cfg.TRAIN.BATCH_SIZE % parts:
        yield (
            f"TRAIN.BATCH_SIZE {cfg.TRAIN.BATCH_SIZE} cannot be cut into TRAIN.ACCUMULATION_STEPS "
            f"{cfg.TRAIN.ACCUMULATION_STEPS} x NUM_GPUS {gpus} equal parts."
        )
    if cfg.TRAIN.GRAD_CACHE and cfg.TRAIN.ACCUMULATION_STEPS == 1:
        yield "TRAIN.GRAD_CACHE joins the parts of a batch: set TRAIN.ACCUMULATION_STEPS to 2 or more."
    if cfg.SHARD_ID >= cfg.NUM_SHARDS:
        yield f"SHARD_ID {cfg.SHARD_ID} must be less than NUM_SHARDS {cfg.NUM_SHARDS}."


def _computation(cfg: CfgNode) -> Iterator[str]:
    train, solver, model = cfg.TRAIN, cfg.SOLVER, cfg.MODEL
    parts = train.ACCUMULATION_STEPS
    if model.COMPILE and model.COMPILE_MODE in CUDA_GRAPH_MODES and parts > 1:
        yield (
            f"MODEL.COMPILE_MODE {model.COMPILE_MODE} replays CUDA graphs, whose gradients the next of "
            f"TRAIN.ACCUMULATION_STEPS {parts} would overwrite: set that to 1, or take another mode."
        )
    if not train.MIXED_PRECISION or train.AMP_DTYPE == "bfloat16":
        return
    if cfg.NUM_GPUS == 0 and train.AMP_DTYPE == "float16":
        yield "TRAIN.AMP_DTYPE float16 needs a GPU and NUM_GPUS is 0; take bfloat16 or auto."
    if cfg.NUM_GPUS and solver.OPTIMIZING_METHOD == "sgd" and solver.DAMPENING:
        yield (
            "SOLVER.DAMPENING needs TRAIN.AMP_DTYPE bfloat16: float16, which auto takes on GPUs without "
            "bfloat16, leaves out first steps."
        )


def _schedule(cfg: CfgNode) -> Iterator[str]:
    solver = cfg.SOLVER
    if solver.WARMUP_EPOCHS > solver.MAX_EPOCH:
        yield (
            f"SOLVER.WARMUP_EPOCHS {solver.WARMUP_EPOCHS:g} is longer than SOLVER.MAX_EPOCH "
            f"{solver.MAX_EPOCH}."
        )
    if solver.LR_POLICY == "cosine":
        if solver.COSINE_END_LR >= solver.BASE_LR:
            yield (
                f"SOLVER.COSINE_END_LR {solver.COSINE_END_LR:g} must be less than SOLVER.BASE_LR "
                f"{solver.BASE_LR:g}."
            )
        if solver.COSINE_AFTER_WARMUP and solver.WARMUP_EPOCHS == solver.MAX_EPOCH:
            yield "SOLVER.COSINE_AFTER_WARMUP leaves no epoch: WARMUP_EPOCHS equals MAX_EPOCH."
    if solver.LR_POLICY != "steps_with_relative_lrs":
        return
    steps = list(solver.STEPS)
    if not steps or steps[0] != 0:
        yield f"SOLVER.STEPS must begin at epoch 0, found {steps}."
    if steps != sorted(set(steps)):
        yield f"SOLVER.STEPS must ascend, found {steps}."
    # Published files give more rates than steps, or a step at the very end; neither is ever read.
    taken = [step for step in steps if step < solver.MAX_EPOCH]
    if len(solver.LRS) < len(taken):
        yield f"SOLVER.LRS {list(solver.LRS)} must have a rate for each of SOLVER.STEPS {taken}."


def _optimizer(cfg: CfgNode) -> Iterator[str]:
    solver = cfg.SOLVER
    if solver.OPTIMIZING_METHOD == "sgd" and solver.NESTEROV:
        if solver.MOMENTUM == 0:
            yield "SOLVER.NESTEROV needs SOLVER.MOMENTUM above 0; set SOLVER.NESTEROV False."
        if solver.DAMPENING != 0:
            yield "SOLVER.NESTEROV needs SOLVER.DAMPENING 0; set SOLVER.NESTEROV False."
    if solver.OPTIMIZING_METHOD != "sgd" and 1 in solver.BETAS:
        yield f"SOLVER.BETAS must be below 1, found {solver.BETAS}."


def _frames(cfg: CfgNode) -> Iterator[str]:
    data = cfg.DATA
    relative = data.TRAIN_JITTER_SCALES_RELATIVE or data.TRAIN_JITTER_ASPECT_RELATIVE
    if data.RESIZE_SQUARE:
        for name in ("TRAIN_CROP_SIZE", "TEST_CROP_SIZE"):
            if data[name] > data.RESIZE_SQUARE:
                yield f"DATA.{name} {data[name]} exceeds DATA.RESIZE_SQUARE {data.RESIZE_SQUARE}."
    elif not relative and data.TRAIN_JITTER_SCALES:
        crop, smallest = data.TRAIN_CROP_SIZE, min(data.TRAIN_JITTER_SCALES)
        if crop > smallest:
            yield (
                f"DATA.TRAIN_CROP_SIZE {crop} exceeds the smallest short side of "
                f"DATA.TRAIN_JITTER_SCALES, {smallest}."
            )
    elif not relative:
        yield "DATA.TRAIN_JITTER_SCALES is empty, and so are the relative ranges that replace it."
    for name in (
        "DATA.TRAIN_JITTER_SCALES",
        "DATA.TRAIN_JITTER_SCALES_RELATIVE",
        "DATA.TRAIN_JITTER_ASPECT_RELATIVE",
    ):
        limits = cfg.leaves()[name]
        if list(limits) != sorted(limits):
            yield f"{name} is a range of smallest and largest, found {limits}."
    hue = data.COLOR_JITTER[3:]
    if hue and hue[0] > 0.5:
        yield f"DATA.COLOR_JITTER: its fourth number, the hue, is at most 0.5, found {hue[0]}."
    for name in ("MEAN", "STD", "INPUT_CHANNEL_NUM"):
        if not data[name]:
            yield f"DATA.{name} is empty."
    if data.DECODING_BACKEND == "torchcodec" and data.CORRUPT_FRAMES == "drop":
        yield (
            "DATA.DECODING_BACKEND torchcodec does not tell which frames are damaged: set "
            "DATA.CORRUPT_FRAMES keep too, after 'prepare_data.py verify', or DECODING_BACKEND pyav."
        )


def _pretrained(cfg: CfgNode) -> Iterator[str]:
    model = cfg.MODEL
    starts_at_random = (model.INIT_METHOD or "scratch").lower() == "scratch"
    if model.CKPT and starts_at_random:
        yield (
            f"MODEL.CKPT {model.CKPT!r} needs MODEL.INIT_METHOD to say how it was made, found "
            f"{model.INIT_METHOD!r}."
        )
    if not model.CKPT and not starts_at_random:
        yield f"MODEL.INIT_METHOD {model.INIT_METHOD!r} needs a checkpoint in MODEL.CKPT."


def _names(cfg: CfgNode) -> Iterator[str]:
    for loop in ("TRAIN", "TEST"):
        if cfg[loop].ENABLE and not cfg[loop].DATASET:
            yield f"{loop}.DATASET is empty; name a registered dataset."
    for name in ("MODEL.MODEL_NAME", "MODEL.LOSS_FUNC", "OUTPUT_DIR"):
        if not cfg.leaves()[name]:
            yield f"{name} is empty."
    suffix = cfg.DATA.FILE_SUFFIX
    if suffix and not re.fullmatch(r"\.\w+", suffix):
        yield f"DATA.FILE_SUFFIX {suffix!r} must be an ending with a dot, like '.mp4'."
    if not cfg.DATA.PATH_LABEL_SEPARATOR:
        yield "DATA.PATH_LABEL_SEPARATOR is empty; the usual one is a blank."


def _measures(cfg: CfgNode) -> Iterator[str]:
    if cfg.DATA.MULTI_LABEL and cfg.MODEL.LOSS_FUNC == "cross_entropy":
        yield "MODEL.LOSS_FUNC 'cross_entropy' has one label per clip and DATA.MULTI_LABEL several."
    if cfg.TEST.NUM_ENSEMBLE_VIEWS == 0:
        yield "TEST.NUM_ENSEMBLE_VIEWS is 0; give a number of clips, or -1 to try several."
    if cfg.BN.USE_PRECISE_STATS and cfg.BN.NUM_BATCHES_PRECISE == 0:
        yield "BN.NUM_BATCHES_PRECISE is 0 and BN.USE_PRECISE_STATS needs batches."


def _sound(cfg: CfgNode) -> Iterator[str]:
    sampling, offset = cfg.DATA.TEMPORAL_SAMPLING, cfg.AUDIO.OFFSET
    if cfg.AUDIO.ENABLE and sampling != "duration" and offset != "with_clip":
        yield (
            f"AUDIO.OFFSET {offset} needs clips of a fixed length in seconds: set "
            f"DATA.TEMPORAL_SAMPLING duration, found {sampling!r}, or AUDIO.OFFSET with_clip."
        )
    test = cfg.TEST
    if cfg.AUDIO.ENABLE and test.ENABLE and test.NUM_ENSEMBLE_VIEWS * test.NUM_SPATIAL_CROPS != 1:
        yield (
            "AUDIO.ENABLE knows one view of a test video: set TEST.NUM_ENSEMBLE_VIEWS 1 and "
            "TEST.NUM_SPATIAL_CROPS 1, or TEST.ENABLE False."
        )
    per_step = cfg.TRAIN.BATCH_SIZE // cfg.TRAIN.ACCUMULATION_STEPS
    if cfg.AUDIO.ENABLE and cfg.SSL.AVID.LOSS == "in_batch" and per_step < 2:
        yield (
            "SSL.AVID.LOSS in_batch compares the clips of a batch, and there is one: raise "
            f"TRAIN.BATCH_SIZE {cfg.TRAIN.BATCH_SIZE}."
        )
    if len(cfg.SSL.AVID.MOMENTUM) not in (1, 2):
        yield f"SSL.AVID.MOMENTUM is one number or two, found {cfg.SSL.AVID.MOMENTUM}."


RULES = (
    _batches,
    _computation,
    _schedule,
    _optimizer,
    _frames,
    _pretrained,
    _names,
    _measures,
    _sound,
)
