"""A browser of sorts for an ASGI app in this process: it keeps cookies, no more."""

import asyncio
from typing import Any

import httpx
from starlette.types import ASGIApp


class AsgiBrowser:
    """Send requests to an app without a server, one at a time."""

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        self._transport = httpx.ASGITransport(app)
        self._base_url = base_url
        self.cookies = httpx.Cookies()

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Fetch a page."""
        return asyncio.run(self._request("GET", path, **more))

    def post(self, path: str, **more: Any) -> httpx.Response:
        """Send a form."""
        return asyncio.run(self._request("POST", path, **more))

    async def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=self._transport, base_url=self._base_url, cookies=self.cookies
        ) as client:
            reply = await client.request(method, path, **more)
            self.cookies = client.cookies
            return reply
