"""What a run reads, looked up before anything is built."""

from __future__ import annotations

from collections.abc import Iterator

from slowfast.checkpoint.formats import AUTO, SCRATCH, find_format
from slowfast.datasets.build import needed_files
from slowfast.engine.train import checkpoint_store
from slowfast.ssl.base import SSL_METHODS
from slowfast.utils.needed import Needed, check_present

MANIFEST = "python tools/prepare_data.py manifest --cfg CFG --out FOLDER"


def check_inputs(cfg) -> None:
    """Return if weights, lists and folders of a run are there.

    Raises:
        ConfigError: names all that are not, weights first, with keys and origins.
    """
    with cfg.unobserved():
        check_present([*_weights(cfg), *_data(cfg)])


def _weights(cfg) -> Iterator[Needed]:
    """Yield the checkpoints that a run starts from, or tests, unless it has some of its own."""
    train, model = cfg.TRAIN, cfg.MODEL
    if cfg.TEST.ENABLE and cfg.TEST.CHECKPOINT_FILE_PATH:
        path = cfg.TEST.CHECKPOINT_FILE_PATH
        yield Needed("TEST.CHECKPOINT_FILE_PATH", path, "the weights to test")
    own = bool(checkpoint_store(cfg).files())
    if train.ENABLE:
        own = own and train.AUTO_RESUME
    else:
        own = own or bool(cfg.TEST.CHECKPOINT_FILE_PATH)
    if own:
        return
    if train.CHECKPOINT_FILE_PATH:
        yield Needed("TRAIN.CHECKPOINT_FILE_PATH", train.CHECKPOINT_FILE_PATH, "the first weights")
        return
    if train.ENABLE and model.MODEL_NAME in SSL_METHODS:
        if cfg.SSL.CHECKPOINT:
            yield Needed("SSL.CHECKPOINT", cfg.SSL.CHECKPOINT, "the weights to continue from")
    elif model.CKPT and model.INIT_METHOD != SCRATCH:
        yield Needed("MODEL.CKPT", model.CKPT, *_origin(model.INIT_METHOD))


def _origin(method: str) -> tuple[str, str]:
    """Return what weights of a method are called, and where its authors publish them."""
    if method == AUTO:
        return "the first weights", ""
    _, found = find_format(method)
    return f"weights of {found.title}", found.source


def _data(cfg) -> Iterator[Needed]:
    if cfg.DATA.MANIFEST_DIR:
        yield Needed("DATA.MANIFEST_DIR", cfg.DATA.MANIFEST_DIR, "manifests", MANIFEST)
        return
    train, test = cfg.TRAIN, cfg.TEST
    splits = {
        "train": train.ENABLE,
        "val": train.ENABLE and train.EVAL_PERIOD > 0,
        "test": test.ENABLE and not cfg.ZERO_SHOT.TEST_SETS,
    }
    for split, used in splits.items():
        if used:
            yield from needed_files(cfg, split)
