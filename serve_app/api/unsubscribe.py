"""One click out: `List-Unsubscribe` of e-mails leads here (RFC 8058). No key: the token is one."""

from html import escape
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import FastAPI, Path
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from actors.channels.unsubscribing import effect_of_token
from actors.domain import events
from actors.domain.errors import InvalidIdError
from actors.domain.ids import parse_effect
from actors.stores.opening import KEY_SETTING
from actors.wire.messages import Code
from serve_app.api.documentation import BODY_PROBLEMS, READ_PROBLEMS, operation
from serve_app.api.edge import Edge, add_route, problem_of_answer
from serve_app.bodies import read_body
from serve_app.envelope import packed
from serve_app.problems import (
    BUSY,
    GONE,
    INTERNAL,
    MALFORMED,
    NOT_FOUND,
    UNKNOWN_EFFECT,
    UNSUPPORTED,
    ProblemError,
)

Token = Annotated[str, Path(max_length=128)]

_ONE_CLICK = ("List-Unsubscribe", "One-Click")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_MAX_BODY = 4096
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.2rem}}</style></head>
<body><h1>{title}</h1>{body}</body></html>
"""
_FORM = """<p>You will get no more messages of this kind here.</p>
<form method="post" action="{action}"><input type="hidden" name="List-Unsubscribe" value="One-Click">
<button type="submit">Unsubscribe</button></form>"""


def _page(title: str, body: str) -> Response:
    return HTMLResponse(_PAGE.format(title=title, body=body), 200, _HEADERS)


def register(app: FastAPI, edge: Edge) -> None:
    """Add the page that asks, and the call that unsubscribes."""
    services = edge.services

    async def effect_key_of(token: str) -> str:
        secret = await services.store.setting(KEY_SETTING)
        found = None if secret is None else effect_of_token(secret, token)
        try:
            if found is not None:
                parse_effect(found)
                return found
        except InvalidIdError:
            pass
        raise ProblemError(NOT_FOUND, "This link does not lead anywhere.")

    async def ask_unsubscribe(token: Token) -> Response:
        await effect_key_of(token)
        return _page("Unsubscribe", _FORM.format(action=escape(token, quote=True)))

    async def unsubscribe(request: Request, token: Token) -> Response:
        effect_key = await effect_key_of(token)
        if not request.headers.get("content-type", "").lower().startswith(_FORMS):
            raise ProblemError(UNSUPPORTED, "The body must be a form.")
        data = await read_body(request.receive, dict(request.scope["headers"]), _MAX_BODY)
        if _ONE_CLICK not in _said(data, request.headers.get("content-type", "")):
            raise ProblemError(MALFORMED, "The body must say List-Unsubscribe=One-Click.")
        outcome = events.Response(
            message_id=f"unsubscribe:{effect_key}", effect_key=effect_key, outcome="unsubscribe"
        )
        number = parse_effect(effect_key)[0]
        (answer,) = await services.gateway.send([packed(outcome, number)])
        if answer.code > Code.DUPLICATE:
            raise problem_of_answer(answer)
        return _page("Unsubscribed", "<p>You will get no more messages of this kind here.</p>")

    page = {200: ("A page for people", None)}
    add_route(
        app,
        "GET",
        "/v1/unsubscribe/{token}",
        ask_unsubscribe,
        **operation(
            "Ask whether to unsubscribe",
            "Open. A page with a button; it changes nothing, because mail programs follow links by "
            "themselves.",
            tag="Decisions and outcomes",
            replies=page,
            problems=READ_PROBLEMS,
        ),
    )
    add_route(
        app,
        "POST",
        "/v1/unsubscribe/{token}",
        unsubscribe,
        **operation(
            "Unsubscribe with one click",
            "Open: the token, in the message's `List-Unsubscribe`, is proof enough (RFC 8058). The body "
            "is the form `List-Unsubscribe=One-Click`. It counts as the outcome `unsubscribe` of the "
            "message: consent for its channel is withdrawn, and what waits is cancelled before the reply.",
            tag="Decisions and outcomes",
            takes={
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/x-www-form-urlencoded": {
                            "schema": {
                                "type": "object",
                                "required": [_ONE_CLICK[0]],
                                "properties": {_ONE_CLICK[0]: {"const": _ONE_CLICK[1]}},
                            }
                        }
                    },
                }
            },
            replies=page,
            problems=(NOT_FOUND, *BODY_PROBLEMS, GONE, UNKNOWN_EFFECT, BUSY, INTERNAL),
        ),
    )


def _said(data: bytes, content_type: str) -> list[tuple[str, str]]:
    """Return the fields of a form, urlencoded or, as some mail providers send it, multipart."""
    text = data.decode("latin-1")
    if content_type.startswith("multipart/form-data"):
        name, value = _ONE_CLICK
        parts = text.replace("\r\n", "\n").split("\n\n")
        named = any(f'name="{name}"' in part for part in parts)
        return [_ONE_CLICK] if named and any(p.split("\n")[0] == value for p in parts) else []
    return parse_qsl(text)
