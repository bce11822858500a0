"""A report as one page of HTML, which needs nothing beside itself.

Whatever a server answered is in it, so every text is escaped, and what cannot be seen is written out.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import msgspec

from chatmarks.parity.report import Difference, Finding, Report, Switch

_SHOWN_MAX = 20_000
_LINE_MAX = 400
"""Characters of JSON that are shown in one line."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2530; --dim: #5a6775; --paper: #ffffff; --box: #f3f5f8;
  --line: #d5dbe2; --bad: #b3261e; --good: #1b6e3c; --open: #8a5a00; --code: #e9edf2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ef; --dim: #9aa7b5; --paper: #12161b;
  --box: #1b2129; --line: #323c47; --bad: #ff8a80; --good: #7bd69b; --open: #f0bf62;
  --code: #242c36; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: .2rem 0 .6rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { color: var(--dim); } dd { margin: 0; }
.tally { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .6rem;
  list-style: none; margin: 1rem 0; padding: 0; }
.tally li, article { background: var(--box); border: 1px solid var(--line); border-radius: .5rem;
  padding: .6rem .8rem; }
.tally b { display: block; font-size: 1.7rem; line-height: 1.2; }
article { margin: .6rem 0; border-left: .3rem solid var(--line); }
article h3 { font-size: 1rem; margin: 0; } article p { margin: .3rem 0; }
.bad { --line: var(--bad); } .bad b, .bad h3 { color: var(--bad); }
.good b, .good h3 { color: var(--good); }
.open b, .open h3 { color: var(--open); } .dim { color: var(--dim); }
pre { background: var(--code); border-radius: .4rem; padding: .5rem .6rem; margin: .3rem 0;
  white-space: pre-wrap; font: .85rem/1.45 ui-monospace, monospace; max-height: 24rem; overflow: auto; }
code { background: var(--code); border-radius: .25rem; padding: 0 .25rem;
  font: .9em ui-monospace, monospace; }
summary { cursor: pointer; color: var(--dim); }
summary:focus-visible { outline: 2px solid var(--open); }
ul.checks { margin: .3rem 0; padding-left: 1.2rem; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
"""


def page(report: Report) -> str:
    """The whole page."""
    asked = report.asked
    title = f"Parity of {asked.url}"
    refuted, confirmed, untold = (
        [each for each in report.findings if each.verdict == verdict]
        for verdict in ("refuted", "confirmed", "untold")
    )
    differing = [switch for switch in report.switches if switch.differs]
    parts = [
        f"<h1>{text(title)}</h1>",
        _asked(report),
        _tally(report, len(differing)),
        *_section("Refuted", map(_refuted, refuted), "Nothing was refuted."),
        *_section("Switches that differ", _differing(differing, report), "All are as by default."),
        *_section(
            "Differences that nothing explains", map(_difference, report.differences), "There are none."
        ),
        *_section("Confirmed", map(_confirmed, confirmed), "Nothing was confirmed."),
        *_section("Could not be told", map(_untold, untold), "All could be told."),
        *_section("All switches", map(_switch, report.switches), ""),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def text(value: object) -> str:
    """Anything as text of the page. Characters that cannot be seen, or turn the direction of what
    follows, are written as JSON escapes them."""
    return escape(_UNSEEN.sub(_written_out, str(value)))


_UNSEEN = re.compile(r"[^\x20-\x7e\n]")


def _written_out(found: re.Match[str]) -> str:
    character = found[0]
    if unicodedata.category(character)[0] not in "CZ":
        return character
    return json.dumps(character)[1:-1]


def _code(value: Any) -> str:
    """JSON, as a block of the page."""
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(shown) > _LINE_MAX and not isinstance(value, str):
        shown = json.dumps(value, ensure_ascii=False, indent=1)
    cut = f"{shown[:_SHOWN_MAX]}\n… ({len(shown)} characters)" if len(shown) > _SHOWN_MAX else shown
    return f"<pre>{text(cut)}</pre>"


def _section(title: str, articles: Iterable[str], nothing: str) -> list[str]:
    found = list(articles)
    return [f"<h2>{title}</h2>", *(found or [f'<p class="dim">{nothing}</p>'])]


def _asked(report: Report) -> str:
    asked = report.asked
    rows: dict[str, object] = {
        "Server": asked.url,
        "App": f"{asked.sdkappid}, called by {asked.identifier}",
        "When": f"{asked.began_at}, for {asked.seconds} s",
        "Calls": f"{asked.calls}, at most {asked.per_second:g} a second",
        "Compared": f"{report.compared} of them with a chatmarks {asked.version} of the profile below,"
        f" in {report.episodes} episodes",
        "Seed": asked.seed,
        "Its clock": f"{asked.skew_seconds:+g} s from ours",
        "Not sent": "; ".join(report.left_out) or "nothing",
        "Left there": "; ".join(report.left) or "nothing",
    }
    cells = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in rows.items())
    return f"<dl>{cells}</dl>"


def _tally(report: Report, differing: int) -> str:
    counts = report.counts
    rows = (
        ("bad" if counts["refuted"] else "good", counts["refuted"], "refuted"),
        ("good", counts["confirmed"], "confirmed"),
        ("open", counts["untold"], "could not be told"),
        ("open" if differing else "good", differing, "switches differ"),
        ("bad" if report.differences else "good", len(report.differences), "unexplained"),
    )
    items = "".join(f'<li class="{kind}"><b>{count}</b>{what}</li>' for kind, count, what in rows)
    return f'<ul class="tally">{items}</ul>'


def _head(finding: Finding) -> str:
    return (
        f"<h3>{finding.number}. {text(finding.question)}</h3><p>Decided: {text(finding.decided)}.</p>"
    )


def _refuted(finding: Finding) -> str:
    pieces = [_head(finding)]
    if finding.switches:
        names = ", ".join(f"<code>{text(name)}</code>" for name in finding.switches)
        pieces.append(f"<p>Explained by {names}.</p>")
    for check in finding.checks:
        if not check.fits:
            pieces.append(f"<p>Expected: {text(check.what)}. It came otherwise:</p>")
            pieces.append(_code(check.request) + _code(check.answer))
    return f'<article class="bad">{"".join(pieces)}</article>'


def _confirmed(finding: Finding) -> str:
    checks = "".join(f"<li>{text(check.what)}</li>" for check in finding.checks)
    seen = (
        f"<details><summary>{len(finding.checks)} checks</summary>"
        f'<ul class="checks">{checks}</ul></details>'
    )
    return f'<article class="good">{_head(finding)}{seen}</article>'


def _untold(finding: Finding) -> str:
    return f'<article class="open">{_head(finding)}<p>{text(finding.why)}.</p></article>'


def _differing(switches: Sequence[Switch], report: Report) -> Iterable[str]:
    for switch in switches:
        yield _switch(switch)
    if switches:
        yield f"<p>This makes a chatmarks answer so:</p>{_code(report.profile_line)}"


def _switch(switch: Switch) -> str:
    why = f" Taken to be so: {text(switch.why)}." if switch.why else ""
    kind = "open" if switch.differs else "good"
    value, default = (text(msgspec.json.encode(one).decode()) for one in (switch.value, switch.default))
    usual = f" The default is <code>{default}</code>." if switch.differs else ""
    return (
        f'<article class="{kind}"><h3>{text(switch.name)}</h3>'
        f"<p><code>{value}</code>.{usual}{why}</p></article>"
    )


def _difference(different: Difference) -> str:
    return (
        f'<article class="bad"><h3>{text(different.episode)}, call {different.call}</h3>'
        f"<p>At <code>{text(different.path)}</code>, theirs, then ours:</p>"
        f"{_code(different.theirs_there)}{_code(different.ours_there)}"
        f"<details><summary>The call and both answers</summary>{_code(different.request)}"
        f"{_code(different.theirs)}{_code(different.ours)}</details></article>"
    )
