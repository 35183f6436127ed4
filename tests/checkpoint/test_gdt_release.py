"""Files of the GDT release: video, audio and both heads continue here, and compute alike."""

import pytest
import torch
from oracles.checkpoints import gdt_content, write
from oracles.fills import gdt_input

from slowfast.checkpoint.export import to_gdt_released
from slowfast.checkpoint.pretrained import load_pretrained
from slowfast.checkpoint.pretraining import load_pretraining
from slowfast.models.audio import build_audio_backbone
from slowfast.models.backbones import build_backbone
from slowfast.models.heads import Projection
from slowfast.models.multimodal import Branch, MultiModalEncoder
from slowfast.models.text.encoder import WordEncoder
from slowfast.ssl.gdt import GDT, GDTText
from slowfast.ssl.transformations import find_hypothesis
from slowfast.utils.errors import CheckpointError

pytestmark = pytest.mark.usefixtures("light_files")


def encoder_with(other, network, projection=(512, 256)) -> MultiModalEncoder:
    networks = {"video": build_backbone("r2plus1d_18"), other: network}
    return MultiModalEncoder(
        {m: Branch(b, Projection(b.feature_dim, projection, 0.3)) for m, b in networks.items()}
    )


def model(projection=(512, 256), audio="resnet9") -> GDT:
    return GDT(encoder_with("audio", build_audio_backbone(audio), projection), find_hypothesis(6))


def check(found, want):
    assert list(found.shape) == want["all"]["shape"]
    assert found.norm().item() == pytest.approx(want["all"]["l2"], rel=1e-5)
    assert found.flatten()[:16].tolist() == pytest.approx(
        want["all"]["first16"], rel=1e-4, abs=2e-6
    )


def check_embeddings(ours, want, other, inputs):
    """Compare the embeddings of frames and of the other modality, and their cosines."""
    video = gdt_input(want["input_video"], 900001)
    found = ours.embed({"video": [video], other: inputs})
    unit = {}
    for modality in ("video", other):
        check(found[modality], want[f"head_{modality}_raw"])
        unit[modality] = torch.nn.functional.normalize(found[modality], dim=1)
        check(unit[modality], want[f"head_{modality}_l2normalised"])
    cosine = torch.tensor(want[f"cosine_video_{other}"]).double()
    torch.testing.assert_close(unit["video"] @ unit[other].T, cosine, rtol=0, atol=1e-6)


@pytest.fixture
def released(recorded, tmp_path):
    return write(tmp_path, gdt_content(recorded("gdt/state_dict_av_gdt.json"), networks=""))


@torch.inference_mode()
def test_a_released_file_computes_the_recorded_embeddings(released, recorded):
    want = recorded("gdt/hash_forward_av_gdt.json")
    ours = model()
    load_pretraining(ours, released, "any list: there are no memories")
    ours.double().eval()
    encoder = ours.encoder
    spectrogram = gdt_input(want["input_spec"], 900002)
    pooled = encoder.branches["audio"].pool(encoder.audio_backbone(spectrogram))
    check(pooled, want["audio_pooled"])
    large = gdt_input([2, 1, 257, 99], 900003)
    check(
        encoder.branches["audio"].pool(encoder.audio_backbone(large)),
        want["audio_pooled_spec_257x99"],
    )
    check_embeddings(ours, want, "audio", spectrogram)


@torch.inference_mode()
def test_a_released_file_of_frames_and_text_computes_the_recorded_embeddings(recorded, tmp_path):
    layout = recorded("gdt/state_dict_vid_text_gdt.json")
    content = gdt_content(layout, networks="")
    path = write(tmp_path, content)
    want = recorded("gdt/hash_forward_vid_text_gdt.json")
    vectors = content["model"]["text_network.word_embd.weight"]
    assert vectors.shape == (66250, 300)
    encoder = encoder_with("text", WordEncoder(vectors))
    ours = GDTText(encoder, find_hypothesis(5))
    load_pretraining(ours, path, "any list: there are no memories")
    released = to_gdt_released(ours.state_dict(), 1)["model"]
    assert list(released) == [name for name, _, _ in layout["entries"]]
    assert all(torch.equal(released[name], tensor) for name, tensor in content["model"].items())
    ours.double().eval()
    ids = torch.tensor(want["tokens"])
    branch = encoder.branches["text"]
    check(branch.pool(branch.backbone(ids)), want["text_pooled"])
    nothing = branch.pool(branch.backbone(torch.zeros(1, 20, dtype=torch.int64)))
    check(nothing, {"all": want["text_pooled_all_padding"]})
    check_embeddings(ours, want, "text", ids)


def test_networks_and_heads_have_the_published_size():
    with torch.device("meta"):
        ours = model()
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in ours.parts().items()}
    assert sizes["audio_backbone"] == 4_899_520
    assert sizes["video_projection"] == sizes["audio_projection"] == 394_496
    # 37,501,637 with the 513,000 of a classifier that nothing uses
    assert sum(sizes.values()) == 37_501_637 - 513_000


def test_a_release_of_another_kind_is_refused_whole(recorded, released, tmp_path):
    with pytest.raises(CheckpointError, match="does not fit"):
        load_pretraining(model(audio="resnet18"), released, "")
    with pytest.raises(CheckpointError, match=r"SSL\.PROJECTION"):
        load_pretraining(model((512, 128)), released, "")
    path = write(tmp_path, gdt_content(recorded("gdt/state_dict_vid_text_gdt.json")), "text.pth")
    with pytest.raises(CheckpointError, match="holds no pretraining of video and audio"):
        load_pretraining(model(), path, "")


def test_a_run_of_gdt_continues_and_hands_its_backbone_on(tmp_path):
    ours, other = model(), model()
    path = tmp_path / "checkpoint.pyth"
    torch.save({"model_state": ours.state_dict(), "list_fingerprint": "theirs"}, path)
    load_pretraining(other, path, "ours")
    assert all(
        torch.equal(a, b) for a, b in zip(ours.parameters(), other.parameters(), strict=True)
    )
    backbone = build_backbone("r2plus1d_18")
    report = load_pretrained(backbone, path)
    assert report.method == "slowfast" and not report.missing
    assert "projection head" in report.ignored.values()
    stem = ours.encoder.video_backbone.stem[0].weight
    assert torch.equal(backbone.stem[0].weight, stem)
