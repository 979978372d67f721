import pytest

from bsroformer.errors import InputError
from bsroformer.studio.address import Address, check_address, local_names, proxy_names


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_a_port_out_of_range_is_refused(port):
    with pytest.raises(InputError, match=rf"^port must be in 1 to 65535.*, got {port}"):
        check_address(Address(port=port))


@pytest.mark.parametrize("root_path", ["abc", "//evil.example", "/a b", "/a?b", "ftp://x.org/", "https://", "/\\\\x"])
def test_an_invalid_root_path_is_refused(root_path):
    with pytest.raises(InputError, match=r"^root_path must be a path such as /studio"):
        check_address(Address(root_path=root_path))


@pytest.mark.parametrize("root_path", [None, "", "/studio", "/a/b.c-d_e~f/", "https://example.org:8443/studio"])
def test_a_root_path_may_be_a_path_or_an_address(root_path):
    check_address(Address(root_path=root_path))


@pytest.mark.parametrize("host", ["", "no such host", "x" * 70, "é..x"])
def test_an_unknown_host_is_refused(host):
    with pytest.raises(InputError, match=r"the page cannot be opened|host="):
        check_address(Address(host=host))


def test_the_names_of_a_page_are_those_it_was_given():
    address = Address(host="studio.lan", share=True, root_path="https://example.org/x", hosts=("a.org",))
    assert {"localhost", "studio.lan", "*.gradio.live"} <= set(local_names(address))
    assert proxy_names(address) == ["a.org", "example.org"]
    assert not [name for name in local_names(Address()) if "gradio" in name]
