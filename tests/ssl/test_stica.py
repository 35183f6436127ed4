"""STiCA: the recorded losses and networks, its crops, and what cannot be."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles.checkpoints import gdt_content, write
from oracles.fills import gdt_input, listed
from oracles.gdt_loss import rows

from slowfast.checkpoint.export import export_file, to_gdt_released, to_stica_released
from slowfast.checkpoint.pretrained import load_pretrained
from slowfast.checkpoint.pretraining import load_pretraining
from slowfast.config import get_cfg
from slowfast.models.audio import build_audio_backbone
from slowfast.models.backbones import build_backbone
from slowfast.models.build import build_model
from slowfast.models.heads import Projection
from slowfast.models.heads.transformer_pooling import TransformerPooling
from slowfast.models.multimodal import Branch, MultiModalEncoder
from slowfast.ssl.feature_crops import CropFamily, cut
from slowfast.ssl.stica import STiCA, first_needed, stica_loss
from slowfast.utils import distributed as du
from slowfast.utils.errors import CheckpointError, ConfigError

FIXTURES = Path(__file__).parents[1] / "fixtures/gdt"
LOSSES = json.loads((FIXTURES / "loss_stica.json").read_text())
CONFIGS = LOSSES["configs"]


def embeddings(config, rank=0, count=6, symmetric=False):
    """Return the recorded rows that the loss of a configuration takes."""

    def stack(tags):
        return torch.stack([rows(tag, rank, count) for tag in tags], dim=1)

    found = {"video": stack([0, 40]), "audio": stack([1, 41])}
    for family, (large, small, first) in {
        "space": (config["num_large_crops"], config["num_small_crops"], 2),
        "time": (config["num_large_tcrops"], config["num_small_tcrops"], 20),
    }.items():
        if not (large and (small or large > 1)):
            continue
        for view in (0, 1):
            base = 40 * view + first
            for size, tags in (
                ("large", [base + i for i in range(large)]),
                ("small", [base + 2 + j for j in range(small)]),
            ):
                tags = tags[first_needed(size, view, symmetric) :]
                if tags:
                    found[f"{family}_{size}_{view}"] = stack(tags)
    return {name: part.requires_grad_() for name, part in found.items()}


@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "1L0S"])
def test_the_loss_is_the_recorded_one(name):
    (want,) = CONFIGS[name]["world1_patched"]
    losses = stica_loss(embeddings(CONFIGS[name]))
    assert sum(losses.values()).item() == pytest.approx(want["total"], rel=2e-6)
    crops = [term["loss"] for term in want["crop_terms"]]
    assert losses["crops"].item() == pytest.approx(0.5 * sum(crops) / len(crops), rel=2e-6)


@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "1L0S"])
@pytest.mark.parametrize("rank", [0, 1])
def test_two_processes_meet_each_other_s_keys(name, rank, monkeypatch):
    config = CONFIGS[name]
    other = embeddings(config, 1 - rank, 3)
    theirs = torch.cat([part.detach() for part in other.values()], dim=1)

    def gather(tensors):
        both = [tensors[0], theirs]
        return [torch.cat(both if rank == 0 else both[::-1])]

    monkeypatch.setattr(du, "get_world_size", lambda: 2)
    monkeypatch.setattr(du, "get_rank", lambda: rank)
    monkeypatch.setattr(du, "all_gather", gather)
    losses = stica_loss(embeddings(config, rank, 3))
    want = config["world2_original"][rank]["total"]
    assert sum(losses.values()).item() == pytest.approx(want, rel=2e-6)


def test_without_crops_the_loss_is_that_between_modalities_and_no_nan():
    losses = stica_loss(embeddings(CONFIGS["1L0S"]), alpha=1.0)
    terms = [term["loss"] for term in CONFIGS["1L0S"]["world1_patched"][0]["cross_modal_terms"]]
    assert list(losses) == ["cross_modal"]
    assert losses["cross_modal"].item() == pytest.approx(sum(terms) / 2, rel=2e-6)


def test_symmetric_loss_treats_both_cuts_alike():
    one = embeddings(CONFIGS["2L4S_2TL1TS"], symmetric=True)
    swapped = dict(one)
    for key in one:
        if key[-2:] in ("_0", "_1"):
            swapped[f"{key[:-1]}{1 - int(key[-1])}"] = one[key]
    for key in ("video", "audio"):
        swapped[key] = one[key].flip(1)
    first, second = (stica_loss(part, symmetric=True) for part in (one, swapped))
    for name, loss in first.items():
        assert loss.item() == pytest.approx(second[name].item(), rel=1e-12)
    first["crops"].backward()
    assert all(part.grad.abs().sum() > 0 for name, part in one.items() if name[-2:] == "_0")


def test_published_loss_leaves_large_crops_of_the_first_cut_mostly_without_gradient():
    parts = embeddings(CONFIGS["2L4S_2TL1TS"])
    stica_loss(parts)["crops"].backward()
    first, second = parts["space_large_0"].grad.abs().sum(dim=(0, 2)).tolist()
    assert first == 0 and second > 0


RANGES = json.loads((FIXTURES / "feature_crop_ranges.json").read_text())


def drawn(family, small, map_size, count=1, times=300):
    found = set()
    for _ in range(times):
        for box in family.draw(count, small, map_size):
            used = box[1:] if family.name == "space" else box
            found.add(tuple(n for s in used for n in (s.start, s.stop)))
    return sorted(map(list, found))


@pytest.mark.parametrize("size", ["large", "small"])
@pytest.mark.parametrize(
    ("steps", "windows"), [(4, (3, 2)), (8, (6, 4)), (12, (6, 4)), (15, (6, 4))]
)
def test_legacy_crops_lie_where_the_release_draws_them(size, steps, windows):
    torch.manual_seed(0)
    time = CropFamily("time", 1, 1, windows, legacy=True)
    assert drawn(time, size == "small", (steps, 7, 7)) == RANGES[f"time_{size}_duration{steps}"]
    space = CropFamily("space", 1, 1, (6, 4), legacy=True)
    assert drawn(space, size == "small", (4, 7, 7)) == RANGES[f"space_{size}_duration4"]


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_inclusive_crops_reach_every_place_once(height, width, data):
    window = data.draw(st.integers(1, min(height, width)))
    family = CropFamily("space", 1, 1, (window, window))
    places = (height - window + 1) * (width - window + 1)
    boxes = family.draw(places, False, (2, height, width))
    assert len({(b[1].start, b[2].start) for b in boxes}) == places
    features = torch.zeros(1, 1, 2, height, width)
    assert {tuple(cut(features, box).shape[2:]) for box in boxes} == {(2, window, window)}


@pytest.mark.parametrize(
    ("family", "problem"),
    [
        (CropFamily("space", 5, 1, (6, 4)), r"LARGE_CROPS 5: a window of 6 has 4 positions"),
        (CropFamily("space", 1, 17, (6, 4)), r"SMALL_CROPS 17: a window of 4 has 16 positions"),
        (CropFamily("time", 3, 1, (3, 2)), r"LARGE_TIME_CROPS 3: a window of 3 has 2 positions"),
        (CropFamily("time", 1, 1, (5, 2)), r"TIME_WINDOWS \[5, 2\]: the feature map has 4 x 7 x 7"),
    ],
)
def test_more_crops_than_places_are_refused(family, problem):
    with pytest.raises(ConfigError, match=problem):
        family.check((4, 7, 7))


def test_a_weight_of_crops_without_crops_is_refused():
    none = [CropFamily("space", 1, 0, (6, 4)), CropFamily("time", 0, 0, (3, 2))]
    with pytest.raises(ConfigError, match="no pair of crops to compare"):
        STiCA(model(0).encoder, none)
    STiCA(model(0).encoder, none, alpha=1.0)


def model(layers=2, positions=False, values=False) -> STiCA:
    with torch.device("cpu"):
        pooling = TransformerPooling(512, layers, 4, positions, values) if layers else None
        video = Branch(build_backbone("r2plus1d_18"), Projection(512, (512, 256), 0.3), pooling)
        audio = Branch(build_audio_backbone("resnet9"), Projection(512, (512, 256), 0.3))
    families = [CropFamily("space", 2, 4, (6, 4)), CropFamily("time", 2, 1, (3, 2))]
    return STiCA(MultiModalEncoder({"video": video, "audio": audio}), families)


def released(recorded, tmp_path, kind, networks=""):
    return write(tmp_path, gdt_content(recorded(f"gdt/state_dict_{kind}.json"), networks=networks))


def check(found, want):
    for row, summary in zip(found, want["rows"], strict=True):
        assert row.norm().item() == pytest.approx(summary["l2"], rel=1e-5)
        assert row[:16].tolist() == pytest.approx(summary["first16"], rel=1e-4, abs=3e-6)


@torch.inference_mode()
@pytest.mark.usefixtures("light_files")
@pytest.mark.parametrize("kind", ["default", "pos_qkv"])
def test_the_pooling_computes_the_recorded_vectors(kind, recorded, tmp_path):
    want = recorded("gdt/hash_transformer_pooling.json")[kind]
    extra = kind == "pos_qkv"
    name = "stica_pos_qkv" if extra else "stica"
    path = released(recorded, tmp_path, name, "video_pooling.")
    ours = model(2, extra, extra)
    load_pretraining(ours, path, "", "weights")
    pooling = ours.encoder.video_pooling.double().eval()
    features = gdt_input(want["input_map"], 900004)
    check(pooling(features), want["output"])
    check(pooling(features[:, :, :3], 4), want["short_3"])
    check(pooling(features[:, :, :2], 4), want["short_2"])


@torch.inference_mode()
@pytest.mark.usefixtures("light_files")
@pytest.mark.parametrize("kind", ["stica", "stica_gap"])
def test_a_released_file_computes_the_recorded_embeddings(kind, recorded, tmp_path):
    want = recorded(f"gdt/hash_forward_{kind}.json")
    ours = model(2 if kind == "stica" else 0)
    load_pretraining(ours, released(recorded, tmp_path, kind), "")
    ours.double().eval()
    video, sound = gdt_input(want["input_video"], 900001), gdt_input(want["input_spec"], 900003)
    branch = ours.encoder.branches["video"]
    features = branch.backbone(video)
    check(branch.pool(features), want["video_pooled"])
    check(branch.pool(features[..., 2:6, 1:5], 4), want["pooled_space_crop_2_6_1_5"])
    check(branch.pool(features[:, :, 1:4], 4), want["pooled_time_crop_1_4"])
    check(branch.pool(features[:, :, 2:4], 4), want["pooled_time_crop_2_4"])
    unit = torch.nn.functional.normalize(branch.projection(branch.pool(features)), dim=1)
    check(unit, want["video_embedding"])
    boxes = {"space_large": "space", "space_small_unique": "space", "time_large": "time"}
    for name, family in {**boxes, "time_small_unique": "time"}.items():
        corners = want["crop_params"][name.removesuffix("_unique")]
        for corner, rows_of in zip(corners, want["crop_embeddings"][name], strict=True):
            cuts = [slice(*corner[k : k + 2]) for k in range(0, len(corner), 2)]
            box = (slice(None), *cuts) if family == "space" else tuple(cuts)
            crop = branch.projection(branch.pool(cut(features, box), features.shape[2]))
            check(torch.nn.functional.normalize(crop, dim=1), {"rows": rows_of})
    found = ours.encoder.branches["audio"](sound)
    check(torch.nn.functional.normalize(found, dim=1), want["audio_embedding"])


@pytest.mark.parametrize("kind", ["stica", "stica_gap", "stica_pos_qkv", "av_gdt"])
def test_the_export_has_the_recorded_names_shapes_and_order(kind, recorded):
    wanted = recorded(f"gdt/state_dict_{kind}.json")
    extra = kind.endswith("qkv")
    layers = 0 if kind in ("stica_gap", "av_gdt") else 2
    state = model(layers, extra, extra).state_dict()
    made = (to_gdt_released if kind == "av_gdt" else to_stica_released)(state, 3)
    assert listed(made[wanted["state_dict_key"]]) == wanted["entries"]


def test_an_exported_run_continues_with_every_tensor(tmp_path):
    ours, other = model(1, True, True), model(1, True, True)
    cfg = "MODEL:\n  MODEL_NAME: STiCA\n"
    content = {"model_state": ours.state_dict(), "progress": {"epoch": 2}, "cfg": cfg}
    torch.save(content, tmp_path / "a.pyth")
    export_file(tmp_path / "a.pyth", tmp_path / "b.pth.tar")
    load_pretraining(other, tmp_path / "b.pth.tar", "")
    for name, tensor in ours.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


@pytest.fixture
def cfg():
    cfg = get_cfg()
    cfg.MODEL.MODEL_NAME, cfg.MODEL.ARCH, cfg.MODEL.NUM_CLASSES = "VSSL", "r2plus1d_18", 5
    cfg.DATA.NUM_FRAMES, cfg.DATA.TRAIN_CROP_SIZE, cfg.NUM_GPUS = 16, 32, 0
    return cfg


@pytest.mark.usefixtures("light_files")
def test_fine_tuning_keeps_the_pooling_of_a_file_and_never_makes_one_up(cfg, recorded, tmp_path):
    path = released(recorded, tmp_path, "stica", "video_pooling.")
    cfg.MODEL.POOLING_LAYERS = 2
    network = build_model(cfg)
    report = load_pretrained(network, path, "stica")
    query = network.pooling.layers[1].query.weight
    assert report.complete and query.detach().abs().max() > 0
    assert network(torch.randn(2, 3, 16, 32, 32)).shape == (2, 5)
    cfg.MODEL.POOLING_LAYERS = 0
    report = load_pretrained(build_model(cfg), path, "stica")
    assert "transformer pooling" in report.ignored.values()
    averaged = released(recorded, tmp_path, "stica_gap", "nothing")
    cfg.MODEL.POOLING_LAYERS = 2
    with pytest.raises(CheckpointError, match=r"no such pooling.*MODEL\.POOLING"):
        load_pretrained(build_model(cfg), averaged, "stica")


def test_the_pooling_learns_at_the_rate_of_the_backbone_and_is_frozen_with_it(cfg):
    cfg.MODEL.POOLING_LAYERS, cfg.MODEL.FREEZE = 1, "backbone"
    network = build_model(cfg)
    assert not any(p.requires_grad for p in network.pooling.parameters())
    assert all(p.requires_grad for p in network.head.parameters())
    cfg.MODEL.POOLING_HEADS = 3
    with pytest.raises(ConfigError, match="do not divide the 512 channels"):
        build_model(cfg)


def test_a_step_teaches_every_part():
    torch.manual_seed(0)
    ours = model(1)
    ours.families = [CropFamily("space", 2, 4, (2, 1)), CropFamily("time", 2, 1, (1, 1))]
    batch = {"video": [torch.randn(4, 3, 16, 48, 48)], "audio": torch.randn(2, 1, 65, 33)}
    losses, metrics = ours(batch)
    assert losses.keys() == {"crops", "cross_modal"} and 0 <= float(metrics["matched"]) <= 100
    sum(losses.values()).backward()
    for name, part in ours.parts().items():
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters()), name
