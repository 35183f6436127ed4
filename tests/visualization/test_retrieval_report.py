"""What a report says about embeddings of frames and audio."""

import numpy as np
import pytest

from slowfast.synthetic import write_demo_world
from slowfast.visualization import retrieval_report
from slowfast.visualization.retrieval_report import principal_plane, sections

from .conftest import images, strips, tables


def page_of(found):
    return "\n".join(sections(found))


def rows_of(found):
    header, *rows = tables(page_of(found))[0]
    assert header == ["", "R@1 %", "R@5 %", "R@10 %", "median rank"]
    return {name: [float(cell) for cell in cells] for name, *cells in rows}


def test_the_table_counts_what_pictures_find(embeddings):
    ranks = [1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 7, 7, 7, 7, 7, 12, 12, 12, 12, 12]
    rows = rows_of(embeddings(ranks))
    assert rows["frames \u2192 audio"] == [25.0, 50.0, 75.0, 5.0]
    assert rows["chance"] == [5.0, 25.0, 50.0, 10.5]


def test_both_directions_are_counted_by_themselves(embeddings):
    found = embeddings([1] * 10)
    found["audio_embedding"][0, 5] = 0.9  # of the audio, that of file 0 fits frames 5 best
    rows = rows_of(found)
    assert rows["frames \u2192 audio"][0] == 90.0
    assert rows["audio \u2192 frames"][0] == 90.0
    found["audio_embedding"][0, 6:8] = 0.9
    rows = rows_of(found)
    assert rows["frames \u2192 audio"][0] == 70.0
    assert rows["audio \u2192 frames"][0] == 90.0


def test_unreadable_files_are_not_found(embeddings):
    valid = [True] * 4 + [False] * 6
    rows = rows_of(embeddings([1] * 10, valid=valid))
    assert rows["frames \u2192 audio"] == [40.0, 40.0, 40.0, 11.0]


def test_constant_embeddings_do_not_look_perfect(embeddings):
    found = embeddings([1] * 8)
    found["video_embedding"][:] = found["audio_embedding"][:] = 0.5
    assert rows_of(found)["frames \u2192 audio"] == [0.0, 0.0, 100.0, 8.0]
    assert "map of the embeddings" in page_of(found)


def cells_of(monkeypatch, found):
    """Return the cells of the figure of examples, by rows."""
    seen = []
    monkeypatch.setattr(retrieval_report, "strip_table", lambda rows, _: seen.extend(rows) or "")
    sections(found)
    return seen


def test_the_examples_go_from_the_best_query_to_the_worst(monkeypatch, embeddings):
    rows = cells_of(monkeypatch, embeddings([4, 2, 1, 3, 5, 6, 2, 1, 1]))
    assert [row[0].lines[1].split("rank ")[1] for row in rows] == [
        f"{rank} of 9" for rank in (1, 1, 2, 4, 6)
    ]


def test_the_own_file_is_framed_where_it_is_found_and_the_same_class_is_named(
    monkeypatch, embeddings
):
    rows = cells_of(monkeypatch, embeddings([1, 1, 2, 3], labels=[0, 0, 1, 1]))
    framed = {row[0].lines[1]: [cell.framed for cell in row[1:]] for row in rows}
    assert framed == {
        "run, own audio: rank 1 of 4": [True, False, False],
        "jump, own audio: rank 2 of 4": [False, True, False],
        "jump, own audio: rank 3 of 4": [False, False, True],
    }
    third = next(row for row in rows if "rank 2" in row[0].lines[1])
    assert [cell.lines[1] for cell in third[1:3]] == [
        "same class, cosine 1.00",
        "\u2713 the file itself, cosine 0.50",
    ]


def test_an_own_file_stands_behind_those_that_score_the_same(monkeypatch, embeddings):
    found = embeddings([1] * 6)
    found["video_embedding"][:] = found["audio_embedding"][:] = 0.5
    rows = cells_of(monkeypatch, found)
    assert not any(cell.framed for row in rows for cell in row)


def test_without_labels_no_class_is_spoken_of(monkeypatch, embeddings):
    found = embeddings([1, 2, 1, 2], labels=[-1] * 4, class_names=())
    assert "are classes" not in page_of(found)
    assert not any("class" in c.lines[1] for row in cells_of(monkeypatch, found) for c in row)


def test_labels_without_names_are_numbered(monkeypatch, embeddings):
    found = embeddings([1, 1, 1], labels=[0, 1, 2], class_names=("run",))
    rows = cells_of(monkeypatch, found)
    assert {row[0].lines[1].split(",")[0] for row in rows} == {"run", "class 1", "class 2"}


def test_a_file_that_is_gone_leaves_an_empty_place(embeddings, media_factory):
    there = str(media_factory(frames=12, audio_rate=0))
    found = embeddings([2, 2, 2], paths=["gone.mp4", there, there])
    (rows,) = strips(page_of(found))
    assert len(rows) == 2
    assert sum(picture is None for row in rows for _, picture in row) == 2


@pytest.mark.parametrize("count", [1, 2])
def test_a_few_files_make_a_report_too(embeddings, count):
    page = page_of(embeddings([1] * count))
    assert not images(page)
    assert [len(row) for row in strips(page)[0]] == [1 + count] * count


def test_files_that_are_all_gone_leave_a_sentence(embeddings):
    page = page_of(embeddings([1, 1, 1], paths=["gone.mp4"] * 3))
    assert "None of the files can be opened here." in page
    assert list(images(page)) == ["map of the embeddings"]


def test_nothing_readable_still_gives_the_table(embeddings):
    found = embeddings([1, 1], valid=[False, False])
    assert rows_of(found)["audio \u2192 frames"] == [0.0, 0.0, 0.0, 3.0]
    assert not images(page_of(found))


def test_embeddings_that_are_not_finite_count_as_not_found(embeddings):
    found = embeddings([1] * 10)
    found["audio_embedding"][3] = np.nan
    assert rows_of(found)["frames \u2192 audio"][0] == 0.0
    assert images(page_of(found)) and strips(page_of(found))


def test_odd_and_long_file_names_stay_on_one_short_line(
    monkeypatch, embeddings, media_factory, tmp_path
):
    file = tmp_path / ("$a_{b}$ <i>\n" + "x" * 90 + ".mp4")
    file.write_bytes(media_factory(frames=12, audio_rate=0).read_bytes())
    found = embeddings([1, 2, 3], paths=[str(file)] * 3, class_names=("$\\frac{", "<b>"))
    page = page_of(found)
    assert "<i>" not in page and "<b>" not in page
    assert images(page) and strips(page)
    for row in cells_of(monkeypatch, found):
        for cell in row:
            assert "\n" not in cell.lines[0] and len(cell.lines[0]) <= 34
            assert cell.lines[0].endswith(".mp4")


def test_names_that_are_no_unicode_are_drawn_all_the_same(embeddings):
    found = embeddings([1, 2, 3], paths=["caf\udce9.mp4"] * 3, class_names=("_\udce9", "b" * 90))
    assert "map of the embeddings" in images(page_of(found))


def test_a_long_class_name_does_not_push_the_rank_away(monkeypatch, embeddings):
    rows = cells_of(monkeypatch, embeddings([1, 1, 1], class_names=("r" * 90, "j" * 90)))
    for row in rows:
        assert (
            row[0].lines[1].endswith("\u2026" + row[0].lines[1][0] * 8 + ", own audio: rank 1 of 3")
        )


def test_files_of_the_demo_world_are_shown(tmp_path, embeddings):
    write_demo_world(tmp_path, "tiny")
    files = sorted(map(str, (tmp_path / "videos").rglob("*.mp4")))[:8]
    page = page_of(embeddings([1, 2, 3, 4, 5, 6, 7, 8], paths=files))
    assert all(png.startswith(b"\x89PNG") for png in images(page).values())
    cells = [cell for row in strips(page)[0] for cell in row]
    assert len(cells) == 5 * 4
    assert all(jpeg.startswith(b"\xff\xd8") for _, jpeg in cells)


def test_many_classes_fit_on_the_map(embeddings):
    names = [f"a rather long name of class {k}" for k in range(40)]
    found = embeddings([1] * 80, labels=[k % 40 for k in range(80)], class_names=names)
    assert "map of the embeddings" in images(page_of(found))


def test_the_plane_is_that_of_the_largest_variances():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 5)) * np.array([1.0, 9.0, 0.1, 4.0, 0.5]) + 7.0
    plane, shares = principal_plane(points)
    centred = points - points.mean(axis=0)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(plane), np.abs(centred @ directions[:2].T), rtol=1e-6)
    np.testing.assert_allclose(shares, (lengths**2 / (lengths**2).sum())[:2])
    np.testing.assert_allclose(plane.mean(axis=0), 0.0, atol=1e-9)
