import pytest

from bsroformer.training.sweep.job_result import RESULT_FILE, Result, read_result, update_result, write_result


@pytest.mark.parametrize(
    "result",
    [
        Result(),
        Result("done", ("optimizer.lr=1e-4", "model=tiny"), 5.25, 61.5),
        Result("failed", ("data.root='é'",), None, 0.5, "data.root names nothing: 'é'"),
    ],
)
def test_a_result_is_read_back_unchanged(tmp_path, result):
    write_result(tmp_path, result)
    assert read_result(tmp_path) == result
    assert [path.name for path in tmp_path.iterdir()] == [RESULT_FILE]


def test_a_folder_without_a_result_gives_none(tmp_path):
    assert read_result(tmp_path) is None


def test_a_change_keeps_the_other_attributes(tmp_path):
    write_result(tmp_path, Result(overrides=("model=tiny",)))
    update_result(tmp_path, status="pruned")
    assert read_result(tmp_path) == Result("pruned", ("model=tiny",))


def test_a_change_creates_a_missing_result(tmp_path):
    update_result(tmp_path, score=3.0)
    assert read_result(tmp_path) == Result(score=3.0)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"status": "won"}', '{"overrides": 3}', "[" * 9999])
def test_a_damaged_result_is_an_unfinished_job_with_a_reason(tmp_path, content):
    (tmp_path / RESULT_FILE).write_text(content)
    found = read_result(tmp_path)
    assert (found.status, found.score) == ("unfinished", None)
    assert "damaged" in found.reason or "refused" in found.reason
