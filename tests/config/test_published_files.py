"""Files as published for PySlowFast and SEVERE load unchanged; what is missing here is named."""

import pytest

from slowfast.config import check_cfg, load_cfg
from slowfast.config.availability import NOT_YET
from slowfast.utils.errors import ConfigError

KINETICS_SLOWFAST = """
TRAIN: {ENABLE: True, DATASET: kinetics, BATCH_SIZE: 64, EVAL_PERIOD: 10, CHECKPOINT_PERIOD: 1,
        AUTO_RESUME: True}
DATA:
  NUM_FRAMES: 32
  SAMPLING_RATE: 2
  TRAIN_JITTER_SCALES: [256, 320]
  TRAIN_CROP_SIZE: 224
  TEST_CROP_SIZE: 256 # use if TEST.NUM_SPATIAL_CROPS: 3
  INPUT_CHANNEL_NUM: [3, 3]
  DECODING_BACKEND: pyav
SLOWFAST: {ALPHA: 8, BETA_INV: 8, FUSION_CONV_CHANNEL_RATIO: 2, FUSION_KERNEL_SZ: 7}
RESNET:
  ZERO_INIT_FINAL_BN: True
  WIDTH_PER_GROUP: 64
  NUM_GROUPS: 1
  DEPTH: 50
  TRANS_FUNC: bottleneck_transform
  STRIDE_1X1: False
  NUM_BLOCK_TEMP_KERNEL: [[3, 3], [4, 4], [6, 6], [3, 3]]
  SPATIAL_STRIDES: [[1, 1], [2, 2], [2, 2], [2, 2]]
  SPATIAL_DILATIONS: [[1, 1], [1, 1], [1, 1], [1, 1]]
NONLOCAL:
  LOCATION: [[[], []], [[], []], [[], []], [[], []]]
  GROUP: [[1, 1], [1, 1], [1, 1], [1, 1]]
  INSTANTIATION: dot_product
BN: {USE_PRECISE_STATS: True, NUM_BATCHES_PRECISE: 200}
SOLVER: {BASE_LR: 0.1, LR_POLICY: cosine, MAX_EPOCH: 196, MOMENTUM: 0.9, WEIGHT_DECAY: 1e-4,
         WARMUP_EPOCHS: 34.0, WARMUP_START_LR: 0.01, OPTIMIZING_METHOD: sgd}
MODEL: {NUM_CLASSES: 400, ARCH: slowfast, MODEL_NAME: SlowFast, LOSS_FUNC: cross_entropy,
        DROPOUT_RATE: 0.5}
TEST: {ENABLE: True, DATASET: kinetics, BATCH_SIZE: 64}
DATA_LOADER: {NUM_WORKERS: 8, PIN_MEMORY: True}
NUM_GPUS: 8
NUM_SHARDS: 1
RNG_SEED: 0
OUTPUT_DIR: .
"""

SEVERE_AVA = """
TRAIN: {ENABLE: True, DATASET: ava, BATCH_SIZE: 64, EVAL_PERIOD: 5, CHECKPOINT_PERIOD: 1,
        AUTO_RESUME: True, CHECKPOINT_TYPE: caffe2}
DATA: {NUM_FRAMES: 32, SAMPLING_RATE: 2, TRAIN_JITTER_SCALES: [256, 320], TRAIN_CROP_SIZE: 112,
       TEST_CROP_SIZE: 112, INPUT_CHANNEL_NUM: [3]}
DETECTION: {ENABLE: True, ALIGNED: True}
AVA:
  FRAME_DIR: ./data/ava/frames/
  FRAME_LIST_DIR: ./data/ava/annotations/
  ANNOTATION_DIR: ./data/ava/annotations/
  DETECTION_SCORE_THRESH: 0.9
  LABEL_MAP_FILE: ava_action_list_v2.2_for_activitynet_2019.pbtxt
  EXCLUSION_FILE: ava_val_excluded_timestamps_v2.2.csv
  GROUNDTRUTH_FILE: ava_val_v2.2.csv
  TRAIN_LISTS: [train.csv]
  TEST_LISTS: [val.csv]
  TRAIN_GT_BOX_LISTS: [ava_train_v2.2.csv]
  TRAIN_PREDICT_BOX_LISTS: [
    ava_train_v2.2.csv,
    person_box_67091280_iou90/ava_detection_train_boxes_and_labels_include_negative_v2.2.csv,
  ]
  TEST_PREDICT_BOX_LISTS: [person_box_67091280_iou90/ava_detection_val_boxes_and_labels.csv]
BN: {USE_PRECISE_STATS: False, NUM_BATCHES_PRECISE: 200}
SOLVER: {BASE_LR: 0.1, LR_POLICY: steps_with_relative_lrs, STEPS: [0, 10, 15, 20],
         LRS: [1, 0.1, 0.01, 0.001], MAX_EPOCH: 20, MOMENTUM: 0.9, WEIGHT_DECAY: 1e-7,
         WARMUP_EPOCHS: 5.0, WARMUP_START_LR: 0.000125, OPTIMIZING_METHOD: sgd}
RESNET: {DEPTH: 50, SPATIAL_STRIDES: [[1], [2], [2], [1]], SPATIAL_DILATIONS: [[1], [1], [1], [2]]}
NONLOCAL: {LOCATION: [[[]], [[]], [[]], [[]]], GROUP: [[1], [1], [1], [1]], INSTANTIATION: softmax}
MODEL: {NUM_CLASSES: 80, ARCH: r2plus1d_18, MODEL_NAME: VSSL, LOSS_FUNC: bce, DROPOUT_RATE: 0.5,
        HEAD_ACT: sigmoid, INIT_METHOD: avid_cma, CKPT: checkpoints/avid_cma.pth.tar}
TEST: {ENABLE: True, DATASET: ava, BATCH_SIZE: 8}
DATA_LOADER: {NUM_WORKERS: 2, PIN_MEMORY: True}
NUM_GPUS: 8
NUM_SHARDS: 1
RNG_SEED: 0
OUTPUT_DIR: .
LOG_MODEL_INFO: False
"""

SEVERE_CHARADES = """
TRAIN: {ENABLE: True, DATASET: charades, BATCH_SIZE: 16, EVAL_PERIOD: 6, CHECKPOINT_PERIOD: 6,
        AUTO_RESUME: True, CHECKPOINT_TYPE: caffe2}
DATA: {NUM_FRAMES: 32, SAMPLING_RATE: 8, TRAIN_JITTER_SCALES: [256, 340], TRAIN_CROP_SIZE: 112,
       TEST_CROP_SIZE: 112, INPUT_CHANNEL_NUM: [3, 3], MULTI_LABEL: True,
       INV_UNIFORM_SAMPLE: True, ENSEMBLE_METHOD: max, REVERSE_INPUT_CHANNEL: True}
SLOWFAST: {ALPHA: 4, BETA_INV: 8, FUSION_CONV_CHANNEL_RATIO: 2, FUSION_KERNEL_SZ: 7}
BN: {USE_PRECISE_STATS: True, NUM_BATCHES_PRECISE: 200, NORM_TYPE: sync_batchnorm,
     NUM_SYNC_DEVICES: 4}
SOLVER: {BASE_LR: 0.0375, LR_POLICY: steps_with_relative_lrs, STEPS: [0, 41, 49],
         LRS: [1, 0.1, 0.01, 0.001, 0.0001, 0.00001], MAX_EPOCH: 57, MOMENTUM: 0.9,
         WEIGHT_DECAY: 1e-4, WARMUP_EPOCHS: 4.0, WARMUP_START_LR: 0.0001,
         OPTIMIZING_METHOD: sgd}
MODEL: {NUM_CLASSES: 157, ARCH: r2plus1d_18, MODEL_NAME: VSSL, LOSS_FUNC: bce_logit,
        HEAD_ACT: sigmoid, DROPOUT_RATE: 0.5, INIT_METHOD: scratch, CKPT: None}
TEST: {ENABLE: True, DATASET: charades, BATCH_SIZE: 16, NUM_ENSEMBLE_VIEWS: 10,
       NUM_SPATIAL_CROPS: 3}
DATA_LOADER: {NUM_WORKERS: 8, PIN_MEMORY: True}
NUM_GPUS: 8
NUM_SHARDS: 1
RNG_SEED: 0
OUTPUT_DIR: .
LOG_MODEL_INFO: False
RNG_SEED: 2
"""

CONTRASTIVE = """
TASK: ssl
CONTRASTIVE: {TYPE: byol, DIM: 256, NUM_MLP_LAYERS: 2, MLP_DIM: 4096, MOMENTUM: 0.996,
              MOMENTUM_ANNEALING: True, PREDICTOR_DEPTHS: [2], BN_MLP: True, BN_SYNC_MLP: True,
              T: 1, KNN_ON: False}
DATA: {TRAIN_CROP_NUM_TEMPORAL: 2, SSL_COLOR_JITTER: True, COLOR_RND_GRAYSCALE: 0.2,
       SSL_MOCOV2_AUG: True, TRAIN_JITTER_SCALES_RELATIVE: [0.2, 0.766],
       TRAIN_JITTER_ASPECT_RELATIVE: [0.75, 1.3333], INPUT_CHANNEL_NUM: [3]}
MODEL: {MODEL_NAME: ContrastiveModel, ARCH: slow, LOSS_FUNC: contrastive_loss, NUM_CLASSES: 256,
        HEAD_ACT: none, DROPOUT_RATE: 0.0}
"""

CONTRASTIVE_EVALUATION = """
TASK: ssl_eval_kinetics
TRAIN:
  CHECKPOINT_CLEAR_NAME_PATTERN: ("backbone.",)
  CHECKPOINT_EPOCH_RESET: True
MODEL: {DETACH_FINAL_FC: True, ARCH: slow, MODEL_NAME: ResNet}
"""

MASKED = """
MASK: {ENABLE: True, PRED_HOG: True, PRETRAIN_DEPTH: [15]}
AUG: {ENABLE: True, GEN_MASK_LOADER: True, MASK_RATIO: 0.4, MASK_WINDOW_SIZE: [8, 7, 7],
      MAX_MASK_PATCHES_PER_BLOCK: None}
MVIT: {POOL_KV_STRIDE_ADAPTIVE: [1, 8, 8], POOL_KVQ_KERNEL: [3, 3, 3], DROPPATH_RATE: 0.0,
       DIM_MUL: [[1, 2.0], [3, 2.0]], POOL_Q_STRIDE: [[1, 1, 2, 2]], PATCH_PADDING: [1, 3, 3]}
SOLVER: {OPTIMIZING_METHOD: adamw, BASE_LR: 8e-4, CLIP_GRAD_L2NORM: 0.02, COSINE_END_LR: 1e-6,
         COSINE_AFTER_WARMUP: True, ZERO_WD_1D_PARAM: True, BASE_LR_SCALE_NUM_SHARDS: True}
MODEL: {MODEL_NAME: MaskMViT, ARCH: maskmvit, LOSS_FUNC: multi_mse}
"""

# file, and its keys that are not available here (empty: the file is accepted as it is)
PUBLISHED = {
    "kinetics_slowfast": (KINETICS_SLOWFAST, ()),
    "severe_ava": (SEVERE_AVA, ()),
    "severe_charades": (SEVERE_CHARADES, ()),
    "contrastive": (
        CONTRASTIVE,
        ("DATA.SSL_COLOR_JITTER", "DATA.SSL_MOCOV2_AUG", "DATA.TRAIN_CROP_NUM_TEMPORAL"),
    ),
    "contrastive_evaluation": (
        CONTRASTIVE_EVALUATION,
        ("MODEL.DETACH_FINAL_FC", "TRAIN.CHECKPOINT_CLEAR_NAME_PATTERN"),
    ),
    "masked": (MASKED, ("AUG.ENABLE", "AUG.GEN_MASK_LOADER", "MASK.ENABLE")),
}


@pytest.fixture(params=sorted(PUBLISHED))
def published(request, tmp_path):
    path = tmp_path / "published.yaml"
    text, switches = PUBLISHED[request.param]
    path.write_text(text)
    return path, switches


def test_published_files_load(published):
    load_cfg([published[0]])


def test_only_switches_without_a_feature_are_refused(published):
    """A line that disappears from the table of missing features disappears here too."""
    path, switches = published
    expected = [key for key in switches if key in NOT_YET]
    cfg = load_cfg([path])
    if not expected:
        check_cfg(cfg)
        return
    with pytest.raises(ConfigError) as caught:
        check_cfg(cfg)
    refused = [line.split()[0] for line in str(caught.value).splitlines()]
    assert sorted(refused) == sorted(expected)


def test_published_values_arrive(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(SEVERE_CHARADES)
    cfg = load_cfg([path])
    assert cfg.RNG_SEED == 2
    assert cfg.MODEL.CKPT is None
    assert cfg.SOLVER.LRS[-1] == 1e-5
    path.write_text(CONTRASTIVE_EVALUATION)
    assert load_cfg([path]).TRAIN.CHECKPOINT_CLEAR_NAME_PATTERN == ("backbone.",)
