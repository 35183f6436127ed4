"""PySlowFast switches whose feature does not exist here yet.

Loading a file that carries them is fine; turning one on is an error that names it. Who builds
a feature deletes its line from ``NOT_YET``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from slowfast.config.node import CfgNode


def _other_than(off: Any) -> Callable[[Any], bool]:
    return lambda value: value != off


_on = bool  # anything but False, 0 and empty

# key: (which values turn it on, what it is or what to do instead)
NOT_YET: dict[str, tuple[Callable[[Any], bool], str]] = {
    "AVA.TRAIN_USE_COLOR_AUGMENTATION": (_on, "set DATA.COLOR_JITTER instead"),
    "AUG.ENABLE": (_on, "RandAugment and random erasing"),
    "AUG.GEN_MASK_LOADER": (_on, "masks made by the loader"),
    "AUG.NUM_SAMPLE": (_other_than(1), "repeated augmentation"),
    "BN.NORM_TYPE": (lambda kind: kind.startswith("sub"), "normalisation of parts of a batch"),
    "DATA.DUMMY_LOAD": (_on, "a loader that repeats one sample"),
    "DATA.IN22K_TRAINVAL": (_on, "ImageNet-22k"),
    "DATA.IN22k_VAL_IN1K": (_on, "ImageNet-22k"),
    "DATA.LOADER_CHUNK_SIZE": (_on, "reading a huge list in chunks"),
    "DATA.PATH_TO_PRELOAD_IMDB": (_on, "an index of ImageNet"),
    "DATA.SKIP_ROWS": (_on, "leaving out rows of a huge list"),
    "DATA.SSL_COLOR_JITTER": (_on, "colour augmentation of contrastive learning"),
    "DATA.SSL_MOCOV2_AUG": (_on, "augmentation of MoCo v2"),
    "DATA.TIME_DIFF_PROB": (_on, "clips of frame differences"),
    "DATA.TRAIN_CROP_NUM_SPATIAL": (_other_than(1), "several crops per training clip"),
    "DATA.TRAIN_CROP_NUM_TEMPORAL": (_other_than(1), "several clips per training sample"),
    "DATA.TRAIN_JITTER_FPS": (_on, "random frame rates"),
    "DATA.TRAIN_JITTER_MOTION_SHIFT": (_on, "crops that wander through the clip"),
    "DEMO.ENABLE": (_on, "the demonstration on a video or a camera"),
    "MASK.ENABLE": (_on, "masked prediction"),
    "MIXUP.ENABLE": (_on, "MixUp and CutMix"),
    "MODEL.ACT_CHECKPOINT": (_on, "activation checkpointing"),
    "MODEL.DETACH_FINAL_FC": (_on, "gradients stopped before the last layer"),
    "MODEL.DROPCONNECT_RATE": (_on, "stochastic depth of X3D"),
    "MODEL.FP16_ALLREDUCE": (_on, "gradients exchanged in 16 bits"),
    "MULTIGRID.LONG_CYCLE": (_on, "multigrid training"),
    "MULTIGRID.SHORT_CYCLE": (_on, "multigrid training"),
    "NUM_SHARDS": (_other_than(1), "start runs on several machines with torchrun instead"),
    "SHARD_ID": (_on, "start runs on several machines with torchrun instead"),
    "SOLVER.LARS_ON": (_on, "LARS"),
    "SOLVER.LAYER_DECAY": (_other_than(1), "learning rates that fall from layer to layer"),
    "SOLVER.OPTIMIZING_METHOD": (
        lambda name: name == "mt_adamw",
        "left torch; adamw does the same",
    ),
    "TENSORBOARD.CONFUSION_MATRIX.ENABLE": (_on, "confusion matrix in TensorBoard"),
    "TENSORBOARD.HISTOGRAM.ENABLE": (_on, "histograms of predictions in TensorBoard"),
    "TENSORBOARD.MODEL_VIS.ENABLE": (_on, "weights, activations and Grad-CAM in TensorBoard"),
    "TENSORBOARD.PREDICTIONS_PATH": (_on, "drawing saved predictions in TensorBoard"),
    "TENSORBOARD.WRONG_PRED_VIS.ENABLE": (_on, "wrongly classified videos in TensorBoard"),
    "TEST.NUM_ENSEMBLE_VIEWS": (
        lambda count: count < 1,
        "testing several numbers of clips in one run",
    ),
    "TEST.NUM_TEMPORAL_CLIPS": (_on, "testing several numbers of clips in one run"),
    "TEST.SAVE_RESULTS_PATH": (_on, "predictions/test.npz always holds scores and labels"),
    "TRAIN.CHECKPOINT_CLEAR_NAME_PATTERN": (_on, "texts cut out of parameter names"),
    "TRAIN.CHECKPOINT_INFLATE": (_on, "stretch MODEL.CKPT by CHECKPOINT.INFLATE instead"),
    "TRAIN.CHECKPOINT_IN_INIT": (_on, "video networks started from image ones"),
    "VIS_MASK.ENABLE": (_on, "images of masked prediction"),
}


def unavailable(cfg: CfgNode) -> Iterator[str]:
    """Yield a sentence for every switch that is on and has no feature behind it."""
    values = cfg.leaves()
    for name, (is_on, what) in NOT_YET.items():
        if name in values and is_on(values[name]):
            yield f"{name} is {values[name]!r}, which is not available here yet: {what}."
    for loop in ("TRAIN", "TEST"):
        path = cfg[loop].CHECKPOINT_FILE_PATH
        if path and cfg[loop].CHECKPOINT_TYPE == "caffe2":
            yield (
                f"{loop}.CHECKPOINT_TYPE is 'caffe2' for {loop}.CHECKPOINT_FILE_PATH {path!r}, "
                "which is not available here yet: Caffe2 checkpoints."
            )
