import pytest
from hypothesis import given
from hypothesis import strategies as st

from bsroformer.file_names import distinct_names, folder_name, is_legal, safe_name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("AC/DC", "AC_DC"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "x"),
        ("", "x"),
        ("   ", "x"),
        (".hidden", "hidden"),
        ("a\\b\0c\nd\re\x7f", "a_b_c_d_e_"),
        ("C:\\Windows", "C__Windows"),
        ("con", "_con"),
        ("NUL.tar", "_NUL.tar"),
        ("COM1", "_COM1"),
        ("Concert", "Concert"),
        ('what? <yes> "no" | a*', "what_ _yes_ _no_ _ a_"),
        ("ends with dots...", "ends with dots"),
        ("\udcff half", "_ half"),
        ("gpj\u202eexe", "gpj_exe"),
        ("e\u0301", "é"),
        ("Ünïcode 歌 🎵", "Ünïcode 歌 🎵"),
    ],
)
def test_safe_names_are_legal_on_every_system(title, name):
    assert safe_name(title, "x") == name


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=400))
def test_a_safe_name_is_not_a_path_and_not_too_long(text):
    name = safe_name(text, "x")
    assert name not in ("", ".", "..")
    assert not set(name) & set('/\\:\0\n\r"')
    assert len(name.encode()) <= 100
    assert name == name.strip(". ")
    assert safe_name(name, "x") == name


def test_equal_names_are_made_distinct():
    assert distinct_names(["a/b", "A:B", "a?b", "c"], "stem") == ["a_b", "2 A_B", "3 a_b", "c"]


@pytest.mark.parametrize(
    "name", ["", ".", ".hidden", "a/b", "a\\b", "a:b", "con", "LPT1.wav", "a.", "a ", " a", "a\nb", "x" * 201]
)
def test_names_that_a_system_refuses_or_changes_are_not_legal(name):
    assert not is_legal(name)


@pytest.mark.parametrize("name", ["vocals", "lead vocals 2", "a.b", "Ünïcode 歌", "x" * 200])
def test_usual_names_are_legal(name):
    assert is_legal(name)


@given(st.lists(st.text(alphabet="ab./\\%\0", max_size=6), unique=True, max_size=6))
def test_different_names_have_different_folders(names):
    folders = {folder_name(name) for name in names}
    assert len(folders) == len(names)
    assert not any("/" in folder or folder.startswith(".") for folder in folders)
