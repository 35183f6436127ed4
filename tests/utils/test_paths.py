"""Addresses and variables in paths: fetched once and whole, or refused with key and address."""

from pathlib import Path

import pytest
from oracles.range_server import serving

from slowfast.config import get_cfg
from slowfast.utils.errors import ConfigError, DownloadError
from slowfast.utils.files import sha256
from slowfast.utils.parser import load_config, parse_args
from slowfast.utils.paths import list_file, local_path


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server of the folder ``www``; the cache is ``cache``."""
    (tmp_path / "www/models").mkdir(parents=True)
    monkeypatch.setenv("SLOWFAST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    with serving(tmp_path / "www") as server:
        yield server


def cached(tmp_path):
    return [p for p in (tmp_path / "cache").rglob("*") if p.is_file() and p.suffix != ".lock"]


def test_a_file_is_fetched_once_and_its_checksum_logged(server, tmp_path, caplog):
    source = tmp_path / "www/models/net.pyth"
    source.write_bytes(b"weights")
    with caplog.at_level("INFO"):
        paths = {local_path(f"{server.url}/models/net.pyth", "MODEL.CKPT") for _ in range(2)}
    (path,) = paths
    assert len(server.loads) == 1
    assert [str(p) for p in cached(tmp_path)] == [path]
    assert Path(path).read_bytes() == b"weights"
    assert f"SHA-256 {sha256(source)}" in caplog.text and "MODEL.CKPT" in caplog.text


@pytest.mark.parametrize("name", ["torn.pyth", "nowhere.pyth"])
def test_what_does_not_come_whole_leaves_no_file_and_names_key_and_address(server, tmp_path, name):
    (tmp_path / "www/models/torn.pyth").write_bytes(b"weights")
    server.failures = [0] * 9 if name == "torn.pyth" else []
    url = f"{server.url}/models/{name}"
    with pytest.raises(DownloadError) as caught:
        local_path(url, "SSL.CHECKPOINT")
    assert url in str(caught.value) and "SSL.CHECKPOINT" in str(caught.value)
    assert not cached(tmp_path)


def test_a_server_that_does_not_answer_is_named(server):
    url = f"{server.url}/a.pyth"
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadError, match=r"TRAIN\.CHECKPOINT_FILE_PATH: http"):
        local_path(url, "TRAIN.CHECKPOINT_FILE_PATH")


def test_hosts_do_not_share_their_files(server, tmp_path):
    (tmp_path / "www/a.csv").write_text("x 0\n")
    one = local_path(f"{server.url}/a.csv", "key")
    other = local_path(f"{server.url.replace('127.0.0.1', 'localhost')}/a.csv", "key")
    assert one != other


def test_lists_lie_in_a_folder_here_or_there(server, tmp_path):
    (tmp_path / "www/lists").mkdir()
    (tmp_path / "www/lists/train.csv").write_text("a.mp4 0\n")
    path = list_file(f"{server.url}/lists/", "train.csv", "DATA.PATH_TO_DATA_DIR")
    assert path.read_text() == "a.mp4 0\n"
    assert list_file("here", "train.csv", "key").parts == ("here", "train.csv")


def test_a_config_and_its_bases_are_fetched(server, tmp_path):
    (tmp_path / "www/models/run.yaml").write_text("_BASE_: ../base.yaml\nRNG_SEED: 5\n")
    (tmp_path / "www/base.yaml").write_text("RNG_SEED: 1\nTRAIN: {BATCH_SIZE: 7}\n")
    local = tmp_path / "local.yaml"
    local.write_text(f"_BASE_: {server.url}/models/run.yaml\n")
    for path in (f"{server.url}/models/run.yaml", str(local)):
        cfg = load_config(parse_args(["--cfg", path]))
        assert (cfg.RNG_SEED, cfg.TRAIN.BATCH_SIZE) == (5, 7)


def test_errors_in_a_fetched_config_name_its_address(server, tmp_path):
    (tmp_path / "www/run.yaml").write_text("RNG_SEEDS: 5\n")
    with pytest.raises(ConfigError, match=f"{server.url}/run.yaml:1"):
        load_config(parse_args(["--cfg", f"{server.url}/run.yaml"]))


def test_a_base_that_is_missing_is_named_with_its_key(server, tmp_path):
    (tmp_path / "www/run.yaml").write_text("_BASE_: gone.yaml\n")
    with pytest.raises(DownloadError, match=r"run.yaml:1: _BASE_: http.*/gone.yaml"):
        load_config(parse_args(["--cfg", f"{server.url}/run.yaml"]))


def test_home_and_variables_are_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DISK", "/disk")
    words = ["DATA.PATH_TO_DATA_DIR", "~/lists", "DATA.PATH_PREFIX", "${DISK}/videos"]
    words += ["OUTPUT_DIR", "$DISK/out", "MODEL.CKPT", "$DISK/a.pyth"]
    words += ["AUDIO.NORM_STATS", "~/s.json", "AVA.TEST_LISTS", "['$DISK/a.csv', b.csv]"]
    (tmp_path / "a.yaml").write_text("RNG_SEED: 1\n")
    monkeypatch.setenv("CONFIGS", str(tmp_path))
    cfg = load_config(parse_args(["--cfg", "$CONFIGS/a.yaml", *words]))
    assert (cfg.DATA.PATH_TO_DATA_DIR, cfg.DATA.PATH_PREFIX) == ("/home/me/lists", "/disk/videos")
    assert (cfg.OUTPUT_DIR, cfg.MODEL.CKPT) == ("/disk/out", "/disk/a.pyth")
    assert cfg.AUDIO.NORM_STATS == "/home/me/s.json"
    assert cfg.AVA.TEST_LISTS == ["/disk/a.csv", "b.csv"]
    assert cfg.AVA.FRAME_DIR == get_cfg().AVA.FRAME_DIR


def test_a_variable_that_is_not_set_is_an_error_with_its_key(tmp_path):
    (tmp_path / "a.yaml").write_text("OUTPUT_DIR: $NOT_SET_AT_ALL/out\n")
    with pytest.raises(ConfigError, match=r"OUTPUT_DIR .*variable NOT_SET_AT_ALL is not set"):
        load_config(parse_args(["--cfg", str(tmp_path / "a.yaml")]))
