"""Keys of the augmentation recipe of vision transformers: RandAugment, erasing, mixing."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "AUG",
        "RandAugment, random erasing and masks",
        ENABLE=Key(False, "use this recipe in training"),
        NUM_SAMPLE=Key(1, "differently augmented copies of each clip in a batch", low=1),
        COLOR_JITTER=Key(
            0.4, "strength of colour jitter on images without AA_TYPE", low=0, optional=True
        ),
        AA_TYPE=Key("rand-m9-mstd0.5-inc1", "RandAugment policy; empty for none"),
        INTERPOLATION=Key("bicubic", "how rotated and sheared frames are resampled"),
        RE_PROB=Key(0.25, "chance of erasing a box", low=0, high=1),
        RE_MODE=Key("pixel", "what fills an erased box", choices=("const", "rand", "pixel")),
        RE_COUNT=Key(1, "largest number of erased boxes", low=1),
        RE_SPLIT=Key(False, "accepted for old files; nothing reads it"),
        GEN_MASK_LOADER=Key(False, "let the loader also make the mask of masked prediction"),
        MASK_TUBE=Key(False, "the same mask in every frame"),
        MASK_FRAMES=Key(False, "masks of whole frames"),
        MASK_WINDOW_SIZE=Key([8, 7, 7], "grid of the mask: time, height, width", low=1),
        MASK_RATIO=Key(0.0, "share of the patches that is masked", low=0, high=1),
        MAX_MASK_PATCHES_PER_BLOCK=Key(None, "most patches of one masked block", kind="int", low=1),
    ),
    Node(
        "MIXUP",
        "MixUp and CutMix",
        ENABLE=Key(False, "mix pairs of samples of a batch"),
        ALPHA=Key(0.8, "Beta parameter of MixUp", low=0),
        CUTMIX_ALPHA=Key(1.0, "Beta parameter of CutMix", low=0),
        PROB=Key(1.0, "chance that a batch is mixed", low=0, high=1),
        SWITCH_PROB=Key(0.5, "share of CutMix among mixed batches", low=0, high=1),
        LABEL_SMOOTH_VALUE=Key(0.1, "smoothing of the mixed labels", low=0, high=1),
    ),
)
