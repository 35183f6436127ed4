"""Frames as the method behind a checkpoint expects them: compared with the config, or followed."""

from __future__ import annotations

from pathlib import Path

from slowfast.checkpoint.formats import AUTO, SCRATCH, Inputs, find_format
from slowfast.checkpoint.recognise import detect_format
from slowfast.checkpoint.report import FILE_NAME
from slowfast.checkpoint.store import open_checkpoint
from slowfast.config.check import check_cfg
from slowfast.utils.errors import CheckpointError
from slowfast.utils.input_files import read_json
from slowfast.utils.logging import get_logger
from slowfast.utils.paths import local_path

logger = get_logger(__name__)

KEYS = {"mean": "MEAN", "std": "STD", "reverse_channels": "REVERSE_INPUT_CHANNEL"}
CROPS = ("TRAIN_CROP_SIZE", "TEST_CROP_SIZE")


def follow_checkpoint(cfg) -> None:
    """Set ``DATA.*`` to the inputs of ``MODEL.CKPT`` where ``DATA.FOLLOW_CHECKPOINT`` is on.

    Raises:
        CheckpointError: the file is needed to know them and cannot be read.
        ConfigError: other keys do not fit them.
    """
    if cfg.DATA.FOLLOW_CHECKPOINT:
        with cfg.unobserved():
            _follow(cfg)


def _follow(cfg) -> None:
    inputs = _inputs(cfg)
    if inputs is None:
        logger.warning(
            "DATA.FOLLOW_CHECKPOINT: MODEL.INIT_METHOD %s says nothing about inputs; those of the "
            "config stay.",
            cfg.MODEL.INIT_METHOD,
        )
        return
    data = cfg.DATA
    for name, key in KEYS.items():
        value = getattr(inputs, name)
        data[key] = list(value) if isinstance(value, tuple) else value
    cfg.AVA.BGR = False  # the other key says it now
    # Keep the share of the frame that a crop shows.
    grow = inputs.crop / data.TRAIN_CROP_SIZE
    data.TRAIN_JITTER_SCALES = [round(side * grow) for side in data.TRAIN_JITTER_SCALES]
    for key in CROPS:
        data[key] = inputs.crop
    check_cfg(cfg)


def warn_of_other_inputs(cfg) -> None:
    """Log one warning if the config hands over other frames than the checkpoint's evaluation."""
    if cfg.DATA.FOLLOW_CHECKPOINT:
        return
    try:
        with cfg.unobserved():
            inputs = _inputs(cfg)
            lines = differences(cfg, inputs) if inputs else []
    except CheckpointError:  # reported where the file is needed
        return
    if lines:
        logger.warning(
            "MODEL.CKPT was made with other inputs, or published with them (MODEL.INIT_METHOD %s): "
            "%s. DATA.FOLLOW_CHECKPOINT True takes them.",
            cfg.MODEL.INIT_METHOD,
            "; ".join(lines),
        )


def differences(cfg, inputs: Inputs) -> list[str]:
    """Return the keys whose values differ from a checkpoint's inputs, in words."""
    wanted = {key: getattr(inputs, name) for name, key in KEYS.items()}
    wanted |= dict.fromkeys(CROPS, inputs.crop)
    found = {key: cfg.DATA[key] for key in wanted}
    if cfg.DETECTION.ENABLE and cfg.AVA.BGR:
        found["REVERSE_INPUT_CHANNEL"] = True
    if cfg.DATA.MULTI_LABEL and not cfg.DATA.FOLLOW_CHECKPOINT:  # it undoes OpenCV's order there
        found["REVERSE_INPUT_CHANNEL"] = False
    return [
        f"DATA.{key} {_plain(theirs)} there, {_plain(found[key])} here"
        for key, theirs in wanted.items()
        if _plain(theirs) != _plain(found[key])
    ]


def _plain(value):
    return [float(n) for n in value] if isinstance(value, (list, tuple)) else value


def _inputs(cfg) -> Inputs | None:
    """Return the inputs of ``MODEL.CKPT``; of a run whose file is gone, those it began with."""
    method, path = cfg.MODEL.INIT_METHOD or SCRATCH, cfg.MODEL.CKPT
    if method.lower() == SCRATCH:
        return None
    if method.strip().lower() != AUTO:
        fmt = find_format(method)[1]
        if not callable(fmt.inputs):
            return fmt.inputs
    report = Path(cfg.OUTPUT_DIR) / FILE_NAME
    path = local_path(path, "MODEL.CKPT")
    if not Path(path).exists() and report.is_file():
        try:
            known = read_json(report)["inputs"]
            return known and Inputs(**known)
        except (LookupError, TypeError) as error:
            raise CheckpointError(f"{report}: not written by this package ({error}).") from error
    path, content = open_checkpoint(path, cfg.CHECKPOINT.TRUST_PICKLE)
    _, fmt, _ = detect_format(path, content, method, cfg.CHECKPOINT.INFLATE, cfg.CHECKPOINT.AT)
    return fmt.inputs_of(content)
