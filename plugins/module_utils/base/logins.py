# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins in URLs: they are removed where URLs come in, and looked up for requests to their servers.

A login is "name:password", percent-encoded as in its URL. Orders, arguments, logs and manifests hold addresses, which
are URLs without a login. The logins are passed separately, as Logins: address -> login.
"""

import base64
import os.path
import re
import urllib.parse
from typing import Any, Dict, List, Optional, Tuple

Logins = Dict[str, str]

# Up to the last @ before the path, as HTTP clients read it. A password may also have an unencoded / or #: then what follows
# the colon is not a port.
LOGIN = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)([^/?#\s]+|[^/?#\s:@\[]+:(?!\d*(?:[/?#\s]|$))[^\s@]*)@")


def split(url: str) -> Tuple[str, str]:
    """Return (address, login) of a URL; the login is "" if it has none.

    Only http and https URLs have logins: in any other address the name stays, which ssh needs, and a password is removed.
    """
    found = LOGIN.match(url)
    if not found:
        return url, ""
    scheme, login = found.groups()
    rest = url[found.end() :]
    if scheme.lower() not in ("http://", "https://"):
        return scheme + login.partition(":")[0] + "@" + rest, ""
    return scheme + rest, login if ":" in login else login + ":"


def take_out(data: Any, found: Logins) -> Any:
    """Return plain data with addresses in place of the URLs in its lists urls, mirrors and cache; add their logins to `found`.

    This collection fetches only the URLs in these lists.
    """
    if isinstance(data, dict):
        return {
            key: _take_out_of_list(value, found) if key in ("urls", "mirrors", "cache") else take_out(value, found)
            for key, value in data.items()
        }
    return [take_out(each, found) for each in data] if isinstance(data, list) else data


def urls_with_login(data: Any) -> List[str]:
    """Return, without their logins, all URLs in plain data that have one: nothing removes it, so others could read it."""
    if isinstance(data, dict):
        return [each for value in data.values() for each in urls_with_login(value)]
    if isinstance(data, list):
        return [each for value in data for each in urls_with_login(value)]
    found = LOGIN.search(data) if isinstance(data, str) else None
    # ssh://git@host names an account, and no password.
    if found and (":" in found.group(2) or found.group(1).lower().endswith(("http://", "https://"))):
        return [LOGIN.sub(r"\1", data)]
    return []


def _take_out_of_list(urls: Any, found: Logins) -> Any:
    if not isinstance(urls, list):
        return urls
    addresses = []  # type: List[Any]
    for url in urls:
        address, login = split(url.strip()) if isinstance(url, str) else (url, "")
        if login:
            found[address] = login
        addresses.append(address)
    return addresses


def login_for(url: str, known: Optional[Logins]) -> str:
    """Return the login for a URL: its own, else one that is known for its server, else "".

    A server is scheme, host and port. If it has several logins, the one whose address has the most folders in common counts.
    """
    address, own = split(url)
    if own or not known:
        return own
    server, folders = _server(address)
    there = [each for each in known if _server(each)[0] == server]
    if not there:
        return ""
    return known[max(there, key=lambda each: len(os.path.commonprefix([folders, _server(each)[1]])))]


def _server(address: str) -> Tuple[str, List[str]]:
    """Return the server of an address, and the folders of its path."""
    parts = urllib.parse.urlsplit(address)
    return "%s://%s" % (parts.scheme, parts.netloc.lower()), parts.path.strip("/").split("/")


def decode(login: str) -> Tuple[str, str]:
    """Return (name, password) of a login, percent-decoded."""
    name, unused, password = login.partition(":")
    return urllib.parse.unquote(name), urllib.parse.unquote(password)


def authorization_header(login: str) -> str:
    """Return the value of the HTTP header Authorization for a login."""
    return "Basic " + base64.b64encode(":".join(decode(login)).encode("utf-8")).decode("ascii")
