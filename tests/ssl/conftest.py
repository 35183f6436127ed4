import pytest
from oracles.avid_banks import banks, embeddings

from slowfast.ssl.criterion import AudioVisualCriterion, ContrastiveConfig


@pytest.fixture
def make_criterion():
    """Return ``make(inputs, weights, ...)``: a float64 criterion over the recorded banks, to train."""

    def make(inputs, weights, loss="nce", momentum=0.5, within=64, **options):
        contrast = ContrastiveConfig(loss, inputs["K"], within, inputs["temperature"])
        criterion = AudioVisualCriterion(
            inputs["N"], inputs["D"], weights, contrast, (momentum, momentum), **options
        ).double()
        video, audio = banks(inputs)
        criterion.video_bank.rows.copy_(video)
        criterion.audio_bank.rows.copy_(audio)
        return criterion

    return make


@pytest.fixture
def recorded_embeddings():
    """Return ``make(inputs)``: raw video and audio embeddings that want gradients."""

    def make(inputs):
        video, audio = embeddings(inputs)
        return video.requires_grad_(), audio.requires_grad_()

    return make
