"""A call as code: what is to be pasted into a shell, or into a program."""

from __future__ import annotations

import json
import pprint
import shlex
from typing import Any

LANGUAGES = ("curl", "python", "java", "go", "node", "php")
"""In the order in which they are shown."""


def snippets(url: str, body: str) -> dict[str, str]:
    """The call as code, by language. `url` has the ticket; `body` is any text."""
    try:
        value, is_json = json.loads(body), True
    except (ValueError, RecursionError):
        value, is_json = body, False
    compact = json.dumps(value, ensure_ascii=False, separators=(",", ":")) if is_json else body
    # Half a pair, which JSON can hold, is no character of UTF-8 that a file could have.
    compact = compact.encode(errors="backslashreplace").decode()
    return {
        "curl": f"curl --data-raw {shlex.quote(compact)} \\\n  {shlex.quote(url)}",
        "python": _python(url, value, compact, is_json=is_json),
        "java": _java(url, compact),
        "go": _go(url, compact),
        "node": _node(url, compact),
        "php": _php(url, compact),
    }


def _python(url: str, value: Any, compact: str, *, is_json: bool) -> str:
    try:
        shown = pprint.pformat(value, width=88, sort_dicts=False)
    except RecursionError:
        # Nested more deeply than is printed.
        shown = f"json.loads({compact!r})"
    data = "json.dumps(body).encode()" if is_json else "body.encode()"
    return f"""\
import json
import urllib.request

url = {url!r}
body = {shown}

with urllib.request.urlopen(url, {data}) as response:
    print(json.load(response))"""


def _java(url: str, body: str) -> str:
    return f"""\
import java.net.URI;
import java.net.http.*;

public class Call {{
    public static void main(String[] arguments) throws Exception {{
        String body = {json.dumps(body)};
        HttpRequest request = HttpRequest.newBuilder(URI.create({json.dumps(url)}))
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        System.out.println(HttpClient.newHttpClient()
            .send(request, HttpResponse.BodyHandlers.ofString()).body());
    }}
}}"""


def _go(url: str, body: str) -> str:
    # Go refuses halves of pairs as \\u escapes, so characters stand as they are.
    text = json.dumps(body, ensure_ascii=False)
    return f"""\
package main

import (
\t"fmt"
\t"io"
\t"net/http"
\t"strings"
)

func main() {{
\tbody := {text}
\tresponse, err := http.Post({json.dumps(url)}, "application/json", strings.NewReader(body))
\tif err != nil {{
\t\tpanic(err)
\t}}
\tdefer response.Body.Close()
\tanswer, err := io.ReadAll(response.Body)
\tif err != nil {{
\t\tpanic(err)
\t}}
\tfmt.Println(string(answer))
}}"""


def _node(url: str, body: str) -> str:
    return f"""\
const response = await fetch({json.dumps(url)}, {{
  method: "POST",
  body: {json.dumps(body)},
}});
console.log(await response.json());"""


def _php(url: str, body: str) -> str:
    return f"""\
<?php
$request = curl_init({_quoted(url)});
curl_setopt_array($request, [
    CURLOPT_POSTFIELDS => {_quoted(body)},
    CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
    CURLOPT_RETURNTRANSFER => true,
]);
print_r(json_decode(curl_exec($request), true));"""


def _quoted(text: str) -> str:
    """A text as PHP quotes it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
