"""Keys of the data: lists, clips in time, crops in space, colour."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "DATA",
        "Files and lists",
        PATH_TO_DATA_DIR=Key("", "folder of the list files (train.csv, val.csv, test.csv)"),
        PATH_PREFIX=Key(
            "",
            "folder put before every path in the lists; it may lie elsewhere (https://, s3://, ...) or "
            "be an archive (train.zip::), and so may each path",
        ),
        CACHE_GIB=Key(
            10.0,
            "size of the cache of files that lie elsewhere, in $SLOWFAST_CACHE/blocks, GiB",
            low=0,
            high=1_000_000,
        ),
        KEEP_DECODED_GIB=Key(
            0.0,
            "size of the whole decoded files that each data-loader worker keeps in memory, GiB: files of "
            "small sets of short videos are then decoded once; 0 decodes parts of files",
            low=0,
            high=1_000_000,
        ),
        FRAME_FOLDER_FPS=Key(
            30.0, "rate at which folders of images were extracted", low=0.01, high=1000
        ),
        READ_TIMEOUT=Key(
            300.0,
            "seconds of reading after which a file counts as unreadable; 0 sets no limit",
            low=0,
            high=86_400,
        ),
        CORRUPT_FRAMES=Key(
            "drop",
            "clips with frames that FFmpeg marks as damaged: drop = the file counts as unreadable",
            choices=("drop", "keep"),
        ),
        MAX_FRAMES=Key(10_000_000, "largest number of frames that a file may claim", low=1),
        MAX_FRAME_PIXELS=Key(16_777_216, "largest width x height of a frame or image", low=1),
        MAX_SECONDS=Key(172_800.0, "largest length that a video may claim, seconds", above=0),
        FILE_SUFFIX=Key("", "ending that replaces that of every listed file: .mp4 once transcoded"),
        PATH_LABEL_SEPARATOR=Key(" ", "text between path and label in a line"),
        MANIFEST_DIR=Key("", "folder of manifests written by prepare_data.py; empty scans files"),
        CLASS_NAMES_PATH=Key("", "names of the classes, a line each or JSON {name: id}"),
        TRAIN_FRACTION=Key(
            1.0, "share of the training files of each class to learn from", above=0, high=1
        ),
        FOLD=Key(1, "split of datasets that come in several (UCF101, HMDB51, ESC-50)", low=1),
        MAX_RETRIES=Key(
            5, "other samples to try in place of an unreadable one", low=0, high=10_000
        ),
        MAX_BAD_FRACTION=Key(
            0.05, "share of unreadable files past which the run stops", low=0, high=1
        ),
        MULTI_LABEL=Key(False, "several labels per video, scored by mean average precision"),
        ENSEMBLE_METHOD=Key("sum", "how the views of a video are joined", choices=("sum", "max")),
        PATH_TO_PRELOAD_IMDB=Key("", "JSON index of ImageNet"),
        IN22K_TRAINVAL=Key(False, "accepted for old files; ImageNet-22k"),
        IN22k_VAL_IN1K=Key("", "validate ImageNet-22k on the first 1000 classes"),
        LOADER_CHUNK_SIZE=Key(0, "rows of a huge list to hold at a time; 0 reads it whole", low=0),
        LOADER_CHUNK_OVERALL_SIZE=Key(0, "rows of that list in all", low=0),
        SKIP_ROWS=Key(0, "rows of that list to leave out at its start", low=0),
        DUMMY_LOAD=Key(False, "read one sample and repeat it, to time the rest"),
    ),
    Node(
        "AUDIOSET",
        "Which lists of AudioSet are read",
        TRAIN_SUBSET=Key(
            "unbalanced_train",
            "subset to train on, by the name of its list: unbalanced_train, balanced_train, or a "
            "part of one such as unbalanced_train-100k",
        ),
        EVAL_SUBSET=Key("eval", "subset to validate and test on"),
    ),
    Node(
        "DATA",
        "Clips in time",
        NUM_FRAMES=Key(8, "frames per clip", low=1, high=4096),
        TEMPORAL_SAMPLING=Key(
            "stride",
            "how frames are picked: stride = NUM_FRAMES x SAMPLING_RATE at TARGET_FPS, "
            "duration = NUM_FRAMES at CLIP_FPS, linspace = evenly from an integer start, looped and "
            "looped_activitynet = consecutive frames as the released zero-shot code reads them, short "
            "videos in a loop",
            choices=("stride", "duration", "linspace", "looped", "looped_activitynet"),
        ),
        SAMPLING_RATE=Key(
            8, "frames from one picked frame to the next (stride)", low=1, high=10_000
        ),
        TARGET_FPS=Key(
            30, "frame rate the stride is counted at, frames per second", low=1, high=1000
        ),
        CLIP_FPS=Key(
            16.0, "frame rate of a clip (duration), frames per second", low=0.01, high=1000
        ),
        TRAIN_CLIPS_PER_VIDEO=Key(
            1, "clips of a video that one epoch of training reads", low=1, high=10_000
        ),
        CLIPS_PER_OPEN=Key(
            1,
            "of them, clips that one opening of a file serves: faster, and a few batches around share "
            "their files in another order; workers hold 4 to 8 batches times as many",
            low=1,
            high=1000,
        ),
        TRAIN_CROP_NUM_TEMPORAL=Key(1, "clips in one training sample", low=1),
        TRAIN_CROP_NUM_SPATIAL=Key(1, "crops of each of those clips", low=1),
        TRAIN_JITTER_FPS=Key(
            0.0, "random increase of TARGET_FPS in training, frames per second", low=0, high=1000
        ),
        USE_OFFSET_SAMPLING=Key(False, "spread test clips at whole frames, up to the very last"),
        TIME_DIFF_PROB=Key(0.0, "chance of a training clip of frame differences", low=0, high=1),
        DECODING_BACKEND=Key(
            "torchvision",
            "who decodes frames: torchvision and pyav = PyAV, torchcodec = that package where it shows "
            "the same frames (MP4, Matroska, WebM on this machine), PyAV elsewhere",
            choices=("torchvision", "pyav", "torchcodec"),
        ),
        DECODING_SHORT_SIZE=Key(256, "accepted for old files; nothing reads it"),
    ),
    Node(
        "DATA",
        "Crops in space",
        RESIZE_SQUARE=Key(
            0,
            "side in pixels to squash frames to before cropping; 0 keeps their shape",
            low=0,
            high=4096,
        ),
        RESIZE_ANTIALIAS=Key(False, "smooth when making frames smaller"),
        TRAIN_JITTER_SCALES=Key(
            [256, 320], "range of the random short side in pixels", low=8, high=4096, length=2
        ),
        STILL_IMAGES=Key(
            False,
            "make training clips of one image each (of the first frame of a video), by a square that "
            "moves and grows, in place of all other crops and flips",
        ),
        INV_UNIFORM_SAMPLE=Key(False, "draw 1 / short side uniformly, not the short side"),
        TRAIN_JITTER_SCALES_RELATIVE=Key(
            [],
            "range of the crop's share of the area; replaces the short-side range",
            kind="list[float]",
            above=0,
            high=1,
            length=2,
        ),
        TRAIN_JITTER_ASPECT_RELATIVE=Key(
            [],
            "range of the crop's width / height",
            kind="list[float]",
            low=0.01,
            high=100,
            length=2,
        ),
        TRAIN_JITTER_MOTION_SHIFT=Key(False, "let the crop wander through the clip"),
        TRAIN_CROP_SIZE=Key(224, "side of a training crop in pixels", low=8, high=4096),
        TEST_CROP_SIZE=Key(256, "side of a test crop in pixels", low=8, high=4096),
        RANDOM_FLIP=Key(True, "mirror half of the training clips"),
        IN_VAL_CROP_RATIO=Key(
            0.875, "ImageNet: crop / short side in validation; 0 resizes to the crop", low=0, high=1
        ),
    ),
    Node(
        "DATA",
        "Channels and colour",
        INPUT_CHANNEL_NUM=Key([3, 3], "channels of each pathway", low=3, high=3),
        FOLLOW_CHECKPOINT=Key(
            False,
            "take mean, deviation, channel order and crop from what made MODEL.CKPT",
        ),
        REVERSE_INPUT_CHANNEL=Key(
            False, "hand blue first to the network; with MULTI_LABEL red first, as in PySlowFast"
        ),
        MEAN=Key([0.45, 0.45, 0.45], "mean of red, green, blue (0 to 1) to subtract", length=3),
        STD=Key([0.225, 0.225, 0.225], "deviation to divide by", above=0, length=3),
        COLOR_JITTER=Key(
            [0.0, 0.0, 0.0, 0.0],
            "strength of random brightness, contrast, saturation and hue in training",
            low=0,
            length=4,
        ),
        COLOR_JITTER_PROB=Key(1.0, "chance that a clip gets COLOR_JITTER", low=0, high=1),
        COLOR_JITTER_RULE=Key(
            "torchvision",
            "arithmetic of COLOR_JITTER: torchvision, or gdt_release = the released GDT code, which "
            "takes frames for channels",
            choices=("torchvision", "gdt_release"),
        ),
        COLOR_RND_GRAYSCALE=Key(0.0, "chance of a grey training clip", low=0, high=1),
        BLUR_PROB=Key(0.0, "chance of a blurred training clip", low=0, high=1),
        BLUR_SIGMA=Key([0.1, 2.0], "range of that blur's deviation in pixels", above=0, length=2),
        TRAIN_PCA_EIGVAL=Key([0.225, 0.224, 0.229], "lighting noise: size along each axis"),
        TRAIN_PCA_EIGVEC=Key(
            [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.814], [-0.5836, -0.6948, 0.4203]],
            "lighting noise: axes in colour space",
        ),
        SSL_COLOR_JITTER=Key(False, "colour augmentation of contrastive learning"),
        SSL_COLOR_BRI_CON_SAT=Key([0.4, 0.4, 0.4], "its brightness, contrast, saturation", low=0),
        SSL_COLOR_HUE=Key(0.1, "its hue", low=0, high=0.5),
        SSL_MOCOV2_AUG=Key(False, "augmentation of MoCo v2, with blur"),
        SSL_BLUR_SIGMA_MIN=Key([0.0, 0.1], "its smallest blur in pixels", low=0),
        SSL_BLUR_SIGMA_MAX=Key([0.0, 2.0], "its largest blur in pixels", low=0),
    ),
)
