import pytest
import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from omegaconf import OmegaConf

from bsroformer.cli.errors import user_errors
from bsroformer.cli.exit_status import EXIT_USER_ERROR
from bsroformer.devices import out_of_memory
from bsroformer.errors import InputError


def printed(capsys: pytest.CaptureFixture[str], script) -> str:
    """The message that the user reads when a command ends with an error."""
    with pytest.raises(SystemExit) as ended:
        user_errors(script)()
    assert ended.value.code == EXIT_USER_ERROR != 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("error: ")
    return captured.err.removeprefix("error: ").rstrip("\n")


def raising(error: Exception):
    def script() -> None:
        raise error

    return script


def test_a_script_that_succeeds_gives_its_result():
    assert user_errors(lambda value: value + 1)(2) == 3


@pytest.mark.parametrize("kind", [InputError, MisconfigurationException])
def test_an_error_of_the_user_is_one_sentence(capsys, kind):
    assert printed(capsys, raising(kind("song.wav is\n  empty; copy it again"))) == "song.wav is empty; copy it again"


def test_long_sentences_and_brackets_stay_as_they_are(capsys):
    sentence = f"music/Song [Live] [/b].wav {'is long and ' * 30}bad"
    assert printed(capsys, raising(InputError(sentence))) == sentence


def test_a_key_that_was_not_given_is_named(capsys):
    cfg = OmegaConf.create({"data": {"root": "???"}})
    assert printed(capsys, lambda: cfg.data.root) == (
        "the key data.root has no value; give it on the command line as data.root=..."
    )


def test_a_key_that_cannot_be_resolved_is_named(capsys):
    cfg = OmegaConf.create({"output": "${paths.nowhere}"})
    assert printed(capsys, lambda: cfg.output).startswith("the configuration's key output is wrong: ")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({"_target_": "datetime.date", "year": 2000}, "missing required argument 'month'"),
        ({"_target_": "datetime.date", "year": 0, "month": 1, "day": 1}, "year 0 is out of range"),
    ],
)
def test_what_cannot_be_set_up_is_named_with_the_reason(capsys, target, reason):
    cfg = OmegaConf.create({"trainer": target})
    sentence = printed(capsys, lambda: instantiate(cfg.trainer))
    assert sentence.startswith("trainer cannot be set up as configured: ")
    assert reason in sentence


@pytest.mark.parametrize("bug", [RuntimeError, TypeError, KeyError, InstantiationException.__base__])
def test_a_bug_shows_its_traceback(bug):
    with pytest.raises(bug):
        user_errors(raising(bug("oops")))()


def test_ctrl_c_ends_a_script_with_a_word_and_the_shells_status(capfd):
    @user_errors
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        interrupted()
    assert ended.value.code == 130
    assert capfd.readouterr().err == "Stopped.\n"


def test_an_error_of_a_process_that_reads_is_its_sentence(capsys):
    """`DataLoader` puts that process's traceback before it."""
    sentence = "/music/a.wav holds NaN or infinite values, the first at sample 5; export it again"
    lines = ["Caught InputError in DataLoader worker process 1.", "Original Traceback (most recent call last):"]
    caught = "\n".join([*lines, '  File "loader.py", line 1', f"bsroformer.errors.InputError: {sentence}", ""])
    assert printed(capsys, raising(InputError(caught))) == sentence


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_a_full_memory_is_reported_in_a_sentence(capsys, error):
    assert out_of_memory(error)
    assert printed(capsys, raising(error)).startswith("the memory is full; lower ")


def test_other_errors_of_pytorch_are_no_lack_of_memory():
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not out_of_memory(ValueError("out of memory"))
