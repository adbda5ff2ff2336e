"""What all our HTML files share: one file, no network, one style and one script, both named by their hashes.

`render` fills a template of another room on the base of this one. Autoescape is on: names, messages and captions are
strangers' text and only ever text. The Content-Security-Policy of the base allows the page's own style and script,
pictures within the file, and no request at all; so nothing may carry a ``style`` attribute or an event handler.
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from gantool.pages.text import number, share, shortened, visible
from gantool.version import __version__


def render(room: str, template: str, **content: Any) -> str:
    """A page, for a file in UTF-8.

    Args:
        room: the package whose ``templates`` hold the page, its ``style.css`` and, where it has one, its ``page.js``.
        template: the template's file name; it extends ``base.html.j2``.
        content: what the template is given besides ``style``, ``script`` and ``version``.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(room), PackageLoader("gantool.pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        visible=visible,
        shortened=shortened,
        number=number,
        share=share,
        policy_hash=_policy_hash,
        around_options=_around_options,
    )
    style = _own("gantool.pages", "style.css") + _own(room, "style.css")
    page = environment.get_template(template)
    return page.render(style=style, script=_own(room, "page.js"), version=__version__, **content)


def _own(room: str, name: str) -> str:
    """A file of a room's templates; "" where it has none."""
    file = resources.files(room) / "templates" / name
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _around_options(text: str) -> list[str]:
    """``text`` in pieces, every second of which is an option such as ``--channels``."""
    return re.split(r"(--[a-z][a-z-]*)", text)


def _policy_hash(text: str) -> str:
    """How a Content-Security-Policy names an inline script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
