"""Files of the AVID-CMA release: read into our models, and written from them."""

import pytest
import torch
from oracles.fills import avid_fill, avid_input, listed

from slowfast.checkpoint.export import export_file, to_released
from slowfast.checkpoint.formats.releases import AVID_RELEASE
from slowfast.checkpoint.pretrained import load_pretrained
from slowfast.checkpoint.pretraining import load_pretraining, whole_state
from slowfast.models.audio import build_audio_backbone
from slowfast.models.backbones import build_backbone
from slowfast.models.heads import Projection
from slowfast.models.multimodal import Branch, MultiModalEncoder
from slowfast.ssl.avid import AVID
from slowfast.ssl.criterion import AudioVisualCriterion, ContrastiveConfig
from slowfast.utils.errors import CheckpointError


def model(projection=(512, 512, 128), num_instances=64, num_positives=0) -> AVID:
    backbones = {
        "video": build_backbone("avid_r2plus1d_18"),
        "audio": build_audio_backbone("avid_conv2d_10"),
    }
    encoder = MultiModalEncoder(
        {m: Branch(b, Projection(b.feature_dim, projection)) for m, b in backbones.items()}
    )
    weights = {"instance_cross": 1.0}
    contrast = ContrastiveConfig(num_negatives=8)
    criterion = AudioVisualCriterion(
        num_instances, encoder.dim, weights, contrast, num_positives=num_positives
    )
    return AVID(encoder, criterion)


@pytest.fixture(scope="module")
def released(recorded):
    """A whole file as the release writes it, with recorded names, shapes and numbers."""
    content = recorded("avid/state_dict_checkpoint_avid.json")
    return {
        "epoch": 30,
        "model": avid_fill(content["model"], content["constants"], "B"),
        "optimizer": {"state": {}, "param_groups": []},
        "train_criterion": avid_fill(
            content["train_criterion_after_first_step_single_process"], content["constants"], "B"
        ),
    }


@pytest.fixture
def path(released, tmp_path):
    torch.save(released, tmp_path / "checkpoint.pth.tar")
    return tmp_path / "checkpoint.pth.tar"


def test_a_released_file_fills_weights_banks_and_partition(released, path):
    ours = model()
    with pytest.raises(CheckpointError, match="a list of 64 files it does not name"):
        load_pretraining(ours, path, "fingerprint")
    load_pretraining(ours, path, "fingerprint", parts="weights")
    state = whole_state(AVID_RELEASE, released)
    for name, tensor in ours.encoder.state_dict().items():
        assert torch.equal(tensor, state[f"encoder.{name}"]), name
    rows = released["train_criterion"]["nce_average.view1_mem"]
    assert torch.equal(state["criterion.video_bank.rows"], rows)
    assert state["criterion.partition"].shape == ()
    ours.load_state_dict(state, strict=True)


def test_a_loaded_release_computes_the_recorded_embeddings(released, recorded):
    content = recorded("avid/forward_r18.json")
    case, constants = content["rule_B_input_B"], content["constants"]
    ours = model()
    ours.load_state_dict(whole_state(AVID_RELEASE, released), strict=True)
    ours.double().eval()
    with torch.no_grad():
        found = ours.encoder(
            {
                "video": avid_input(case["video_input_shape"], constants, "B"),
                "audio": avid_input(case["audio_input_shape"], constants, "B"),
            }
        ).values()
    for embedding, head in zip(found, ("video_head", "audio_head"), strict=True):
        first = torch.tensor([row["first"] for row in case[head]["out"]]).double()
        torch.testing.assert_close(embedding[:, : first.shape[1]], first, rtol=1e-4, atol=1e-3)


def test_our_export_has_the_recorded_names_shapes_and_types_in_order(recorded):
    wanted = recorded("avid/state_dict_checkpoint_avid.json")
    found = to_released(model().state_dict(), epoch=3)
    assert listed(found["model"]) == wanted["model"]
    assert listed(found["train_criterion"]) == wanted["train_criterion_before_first_step"]
    assert found["epoch"] == 3


def test_our_cma_export_has_the_positive_sets_too(recorded):
    wanted = recorded("avid/state_dict_checkpoint_cma.json")["train_criterion"]
    found = to_released(model(num_positives=8).state_dict(), epoch=1)
    assert listed(found["train_criterion"]) == wanted


def test_export_and_import_give_back_every_tensor(tmp_path):
    ours, other = model((128,)), model((128,))
    torch.save({"model_state": ours.state_dict(), "progress": {"epoch": 2}}, tmp_path / "a.pyth")
    export_file(tmp_path / "a.pyth", tmp_path / "b.pth.tar")
    load_pretraining(other, tmp_path / "b.pth.tar", "", parts="weights")
    for name, tensor in ours.encoder.state_dict().items():
        assert torch.equal(tensor, other.encoder.state_dict()[name])


def test_the_video_network_of_a_release_starts_a_classifier(released, path):
    backbone = build_backbone("avid_r2plus1d_18")
    report = load_pretrained(backbone, path, "avid_release")
    assert len(report.loaded) == len(backbone.state_dict())
    stem = released["model"]["module.video_model.conv1.0.weight"]
    assert torch.equal(backbone.conv1[0].weight, stem)


def test_a_head_of_another_kind_is_refused_whole(path):
    with pytest.raises(CheckpointError, match=r"of a larger network.*SSL\.PROJECTION"):
        load_pretraining(model((128,)), path, "", parts="weights")
    with pytest.raises(CheckpointError, match="of another shape"):
        load_pretraining(model((512, 512, 64)), path, "", parts="weights")


def test_a_file_that_is_no_pretraining_is_refused(tmp_path):
    torch.save({"model_state": {"backbone.x": torch.zeros(1)}}, tmp_path / "a.pyth")
    with pytest.raises(CheckpointError, match="holds no pretraining of video and audio"):
        load_pretraining(model((128,)), tmp_path / "a.pyth", "")
    with pytest.raises(CheckpointError, match="holds no AVID or AVID-CMA model"):
        export_file(tmp_path / "a.pyth", tmp_path / "b.pth.tar")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="holds no checkpoint of a run"):
        load_pretraining(model((128,)), tmp_path / "empty", "")


def test_the_whole_model_of_a_release_is_loaded_with_a_report(released, path):
    ours = model()
    report = load_pretrained(ours, path)
    assert report.method == "avid_release"
    assert len(report.loaded) == len(ours.encoder.state_dict())
    bias = "projection.0.bias"
    assert report.renamed[f"module.video_proj.{bias}"] == f"video_projection.{bias}"
    stem = released["model"]["module.audio_model.conv1.0.weight"]
    assert torch.equal(ours.encoder.audio_backbone.conv1[0].weight, stem)
    with pytest.raises(CheckpointError, match=r"missing.*video_projection"):
        load_pretrained(model((512, 512, 512, 128)), path)
