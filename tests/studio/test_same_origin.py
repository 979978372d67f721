"""Host names and origins that may request the page."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bsroformer.studio.same_origin import SameOrigin

HERE = "http://192.168.1.5:7860"
COOKIES = ("a=1; HttpOnly; SameSite=none; Secure", "b=2; Path=/; samesite=lax")


@pytest.fixture
def client():
    """Client of a page that would answer every site, as Gradio does, also by a proxy."""

    async def page(request):
        answer = PlainTextResponse("the page")
        for cookie in COOKIES:
            answer.headers.append("set-cookie", cookie)
        return answer

    routes = [Route("/{path:path}", page, methods=["GET", "POST"])]
    cors = Middleware(CORSMiddleware, allow_origin_regex=".*", allow_credentials=True)
    app = SameOrigin(Starlette(routes=routes, middleware=[cors]), ["localhost"], ["*.example.org"])
    return TestClient(app, HERE)


@pytest.mark.parametrize("host", ["localhost:7860", "LOCALHOST", "10.0.0.7", "[::1]:7860", "studio.example.org"])
def test_the_page_answers_to_its_names_and_addresses(client, host):
    assert client.get("/", headers={"Host": host}).text == "the page"


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:7860", "example.org", "127.1", "[::1", ""])
def test_a_name_that_was_bound_to_this_machine_is_refused(client, host):
    answer = client.get("/config", headers={"Host": host})
    assert answer.status_code == 400
    assert "hosts=[...]" in answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": HERE},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://studio.example.org", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_the_page_and_programs_may_change_something(client, headers):
    assert client.post("/gradio_api/upload", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://192.168.1.5:3000"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": HERE},
    ],
)
def test_another_site_may_not(client, headers):
    answer = client.post("/gradio_api/upload", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"].startswith("requests from other sites")


def test_no_other_site_may_read_an_answer(client):
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (client.get("/", headers=asked), client.options("/", headers=asked)):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_cookies_stay_on_this_site(client):
    cookies = client.get("/").headers.get_list("set-cookie")
    assert cookies == ["a=1; HttpOnly; Secure; SameSite=Lax", "b=2; Path=/; SameSite=Lax"]


def test_no_other_site_may_show_the_page_in_a_frame(client):
    headers = client.get("/").headers
    assert headers["content-security-policy"] == "frame-ancestors 'self'"
    assert headers["x-frame-options"] == "SAMEORIGIN"
