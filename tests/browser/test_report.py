# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a real browser: it shows what the document says, and works as a page should."""

import json
import subprocess
import time
from urllib.parse import urlsplit

import fleets
import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import fleet, page

EVIL = "</script><img src=x onerror=alert(1)><b>bold</b>"
BADGES = {"publish": "to publish", "build": "to build", "remove": "to remove"}

# The rows of a section's table, of one page after the other: [{title of the column: text}].
ROWS = """
(() => {
  const [previous, next] = document.querySelectorAll(args[0] + " .pages button");
  const found = [];
  while (previous && !previous.disabled) previous.click();
  for (;;) {
    found.push(...[...document.querySelectorAll(args[0] + " tbody tr")].map((row) =>
      Object.fromEntries([...row.children].map((cell) => [cell.dataset.title, cell.innerText.trim()]))));
    if (!next || next.disabled) break;
    next.click();
  }
  while (previous && !previous.disabled) previous.click();
  return found;
})()
"""
# The findings that are to be seen, with each value's hosts.
FINDINGS = """
[...document.querySelectorAll("#findings article")].filter((node) => node.offsetParent !== null).map((node) => ({
  severity: node.querySelector("h3 .badge").textContent, id: node.querySelector("h3").lastChild.textContent,
  remedy: node.querySelector("dd.remedy").textContent,
  values: [...node.querySelectorAll("li")].map((line) => ({
    found: line.querySelector("p").textContent,
    hosts: [...line.querySelectorAll(".names a")].filter((link) => !link.hidden).map((link) => link.textContent)}))}))
"""


@pytest.fixture(scope="module")
def mixed():
    """The document of the mixed fleet."""
    return fleets.document()


@pytest.fixture(scope="module")
def varied():
    """Documents of fleets of a dozen hosts, of some hundred, and of a thousand, by their number."""
    return {number: fleets.document(fleets.varied(number)) for number in (12, 200, 1000)}


def rows(browser, section):
    return browser.evaluate(ROWS, section)


def column(browser, section, title):
    return [row[title] for row in rows(browser, section)]


def lines(text):
    return [line.strip() for line in text.split("\n") if line.strip()]


# --- what is shown


def shown_component(name, entry):
    """The lines of the cell that a component of the document is to have."""
    if entry["do"] != "nothing":
        whys = [why.removeprefix(name + ": ") for why in entry["why"]]
        return [BADGES[entry["do"]], entry["then"], *whys, *entry["notes"]]
    if not entry["version"]:
        return ["absent"]
    word = "fails" if entry["verified"] is False else "host's own" if not entry["ours"] else "in place"
    if entry["verified"] and entry["ours"]:
        word = "verified"
    mark = [entry["fingerprint"][:12]] if entry["fingerprint"] else []
    return [word, entry["version"], *mark, *entry["problems"], *entry["notes"]]


def test_every_host_and_component(show, mixed):
    table = rows(show(mixed), "#hosts")
    assert [row["Host"] for row in table] == list(mixed["hosts"])
    for row, (name, host) in zip(table, mixed["hosts"].items(), strict=True):
        words = [fleet.VERDICTS[host["status"]], *([host["message"]] if host["message"] else [])]
        assert row["Verdict"].split() == " ".join(words).split(), name
        for part in ("cmake", "gcc730", "torch", "apex"):
            expected = shown_component(part, host["components"][part]) if host["components"] else ["-"]
            assert [" ".join(line.split()) for line in lines(row[part])] == [
                " ".join(line.split()) for line in expected
            ], (name, part)
        env = host["environment"]
        words = ["-"] if not env else ["in place"] if env["do"] == "nothing" else [BADGES[env["do"]], env["path"]]
        assert lines(row["Environment"])[:2] == words, name


def test_a_row_leads_to_its_findings(show, mixed):
    links = show(mixed).evaluate(
        """[...document.querySelectorAll("#hosts tbody tr")].map((row) => [...row.querySelectorAll(".marks a")].map(
        (link) => [link.lastChild.textContent, document.querySelector(link.getAttribute("href") + " h3").lastChild.textContent]))"""
    )
    expected = [
        [[group["id"]] * 2 for group in fleet.groups(mixed) if name in group["hosts"]] for name in mixed["hosts"]
    ]
    assert links == expected


def test_every_finding(show, mixed):
    shown = show(mixed).evaluate(FINDINGS)
    assert shown == [
        {
            "severity": group["severity"],
            "id": group["id"],
            "remedy": group["remedy"],
            "values": [{"found": value["found"], "hosts": value["hosts"]} for value in group["values"]],
        }
        for group in fleet.groups(mixed)
    ]


def test_findings_lead_to_their_hosts(show, mixed):
    ends = show(mixed).evaluate(
        """[...document.querySelectorAll("#findings .names a")].map((link) => [link.textContent,
        document.querySelector(link.getAttribute("href") + " th").textContent])"""
    )
    assert len(ends) == sum(len(group["hosts"]) for group in fleet.groups(mixed))
    assert all(name == row for name, row in ends)


def test_every_npu(show, mixed):
    def usage(chip, key):
        total = chip[key + "_total_mb"]
        return "-" if total is None else f"{chip[key + '_used_mb']} of {total} MB"

    def amount(value, unit):
        return "-" if value is None else f"{value:g}{unit}"

    expected = [
        {
            "Host": name,
            "NPU": "-" if chip["npu_id"] is None else str(chip["npu_id"]),
            "Name": chip["name"],
            "Health": chip["health"] or "unknown",
            "HBM": usage(chip, "hbm"),
            "Memory": usage(chip, "memory"),
            "AI Core": amount(chip["aicore_percent"], " %"),
            "Temperature": amount(chip["temp_c"], " °C"),
            "Power": amount(chip["power_w"], " W"),
            "Bus": chip["bus_id"],
        }
        for name, host in mixed["hosts"].items()
        for chip in host["npus"]
    ]
    # More than a page: the worst is first.
    worst = ["Alarm", "Warning", "unknown", "OK"]
    expected.sort(key=lambda row: worst.index(row["Health"]))
    browser = show(mixed)
    assert rows(browser, "#npus") == expected
    about = browser.evaluate("""document.querySelector("#npus p").textContent""")
    assert about.startswith(f"{len(expected)} NPUs, {len(expected) - 3} of them OK. 1 host without any (npu-smi: -8005")


def test_every_build(show, mixed):
    browser = show(mixed)
    browser.evaluate("""document.querySelector("#builds details").open = true""")
    browser.evaluate("new Promise(requestAnimationFrame)")
    expected = {
        (f"{name} {entry['version']}", host_name): entry["built"]["seconds"]
        for host_name, host in mixed["hosts"].items()
        for name, entry in host["components"].items()
        if entry["built"]
    }
    table = rows(browser, "#builds")
    assert {(row["Product"], row["Host"]) for row in table} == set(expected)
    assert len(table) == len(expected)
    for row in table:
        seconds = expected[row["Product"], row["Host"]]
        assert row["Built"] == "20 November 2026, 09:12 UTC"
        assert {stage for stage in fleets.SECONDS["torch"] if row[stage] != "-"} == set(seconds) & set(
            fleets.SECONDS["torch"]
        )
        assert in_seconds(row["build"]) == pytest.approx(seconds["build"], abs=31)
        assert in_seconds(row["Total"]) == pytest.approx(sum(seconds.values()), abs=31)


def in_seconds(words):
    """The seconds that "1 h 02 min", "3 min 05 s" or "8.2 s" stands for."""
    parts = words.split()
    return sum(
        float(number) * {"h": 3600, "min": 60, "s": 1}[unit]
        for number, unit in zip(parts[::2], parts[1::2], strict=True)
    )


def test_bars_are_as_long_as_builds_took(show, mixed):
    bars = show(mixed).evaluate(
        """[...document.querySelectorAll("#builds figure")].map((figure) => [figure.querySelector("h3").textContent,
        [...figure.querySelectorAll("li")].map((line) => [line.querySelector(".host").textContent,
        [...line.querySelectorAll("rect")].map((rect) => [rect.textContent.split(":")[0], rect.getBoundingClientRect().width
          / line.querySelector("svg").getBoundingClientRect().width])])])"""
    )
    assert [name for name, _lines in bars] == ["cmake", "gcc730", "torch", "apex"]
    for name, drawn in bars:
        seconds = {
            host_name: host["components"][name]["built"]["seconds"]
            for host_name, host in mixed["hosts"].items()
            if host["components"] and host["components"][name]["built"]
        }
        longest = max(sum(stages.values()) for stages in seconds.values())
        # The longest first; Python and the browser need not add up to the last bit alike.
        totals = [sum(seconds[host_name].values()) for host_name, _rects in drawn]
        assert totals == pytest.approx(sorted(totals, reverse=True)) and len(totals) == len(seconds)
        for host_name, rects in drawn:
            assert {stage for stage, _width in rects} == {stage for stage, value in seconds[host_name].items() if value}
            for stage, width in rects:
                assert width == pytest.approx(seconds[host_name][stage] / longest, abs=0.01), (host_name, stage)


def test_products_with_whole_fingerprints(show, mixed):
    table = rows(show(mixed), "#products")
    expected = {}
    for host_name, host in mixed["hosts"].items():
        for name, entry in host["components"].items():
            if entry["version"]:
                key = (name, entry["version"], entry["fingerprint"] or "not made by this collection")
                expected.setdefault(key, []).append(host_name)
    told = {(row["Product"], row["Version"], row["Fingerprint"]): row["Hosts"].split() for row in table}
    # More than six names are behind something to open.
    assert told == {key: names if len(names) <= 6 else [str(len(names)), "hosts"] for key, names in expected.items()}
    assert {row["By version"] for row in table} == {"0.1.0", "-"}


def test_every_system(show, mixed):
    table = {row["Host"]: row for row in rows(show(mixed), "#systems")}
    assert list(table) == [name for name, host in mixed["hosts"].items() if host["platform"]]
    assert table["node001"] == {
        "Host": "node001",
        "System": "Debian GNU/Linux 11 (bullseye)",
        "Architecture": "x86_64",
        "C library": "glibc 2.31",
        "Cores": "8",
        "Memory": "64.0 GiB",
        "Python": "3.9.2",
        "CANN": "5.0.4",
        "Driver": "21.0.4",
        "Firmware": "1.79.22.5.220",
        "They agree": "yes",
        "npu-smi": "answers",
    }
    assert table["node007"]["CANN"] == "5.1.RC1"
    assert (table["node009"]["They agree"], table["node009"]["npu-smi"]) == ("-", "not there")
    assert table["node010"]["npu-smi"] == mixed["hosts"]["node010"]["ascend"]["npu_smi"]


def test_when_and_by_what(show, mixed):
    browser = show(mixed)
    assert browser.evaluate("document.querySelector('#lede').textContent") == (
        "Looked at on 22 November 2026, 21:50 UTC, by ascend.pytorch 0.1.0. 5 of 12 hosts have everything that the guide asks for."
    )
    counts = browser.evaluate("[...document.querySelectorAll('#tally button')].map((node) => node.textContent)")
    assert counts == ["6 fit", "1 fit with warnings", "1 failed", "1 unreachable", "3 unfit"]


@pytest.mark.parametrize(
    "results",
    [{}, {"a": {}}, {"a": fleets.whole("a", npu=None)}, {"a": {"planned": fleets.planned(fleets.host())}}],
    ids=["no host", "failed", "no NPU", "nothing built"],
)
def test_small_fleets_are_no_trouble(show, results):
    document = fleets.document(results)
    browser = show(document)
    assert column(browser, "#hosts", "Host") == list(results)
    assert browser.evaluate("document.querySelector('h1').textContent") == fleet.headline(document)


# --- foreign text, and other people's networks


def test_markup_in_names_and_words_is_shown_as_it_is(show):
    found = fleets.finding(EVIL, found=EVIL, wanted=EVIL, remedy=EVIL, source=EVIL)
    state = fleets.built(fleets.host(npu=fleets.npu([fleets.chip(0, EVIL, name=EVIL, bus_id=EVIL)])), EVIL)
    state.os["name"] = state.cann[0]["version"] = EVIL
    state.products["torch"]["manifest"]["built"].update(seconds={EVIL: 5}, when=EVIL)
    planned = fleets.planned(state, found)
    document = fleets.document(
        {EVIL: {"planned": planned, "verified": fleets.verified(planned, torch=[EVIL])},
         "__proto__": {"planned": {"unreachable": True, "msg": EVIL}}}
    )  # fmt: skip
    browser = show(document)
    assert column(browser, "#hosts", "Host") == [EVIL, "__proto__"]
    assert EVIL in rows(browser, "#hosts")[0]["torch"] and EVIL in rows(browser, "#hosts")[1]["Verdict"]
    (chip,) = rows(browser, "#npus")
    assert chip["Name"] == chip["Health"] == chip["Bus"] == EVIL
    assert [entry for entry in browser.evaluate(FINDINGS) if entry["id"] == EVIL][0]["remedy"] == EVIL
    assert rows(browser, "#systems")[0]["System"] == EVIL
    assert browser.evaluate("document.querySelectorAll('img, b, script').length") == (
        browser.evaluate("document.querySelectorAll('#tally b, script').length")
    )
    assert len(browser.requests) == 1


def test_it_asks_for_nothing_but_itself(show, mixed):
    browser = show(mixed)
    assert [urlsplit(url).scheme for url in browser.requests if not url.startswith("data:")] == ["file"]


def test_the_policy_holds(show, mixed):
    """Were markup to get in after all, it could neither run nor ask for anything."""
    browser = show(mixed)
    browser.evaluate(
        """(async () => { const box = document.createElement("div"); document.body.append(box);
        box.innerHTML = "<img src='http://127.0.0.1:9/x' onerror='window.ran = 1'>";
        const script = document.createElement("script"); script.textContent = "window.ran = 1"; box.append(script);
        await fetch("http://127.0.0.1:9/").catch(() => 0); await new Promise(requestAnimationFrame); })()"""
    )
    assert browser.evaluate("window.ran === undefined")
    refused = [words for words in browser.complaints if "Content Security Policy" in words]
    assert len(refused) >= 3 and len(refused) == len(browser.complaints)
    browser.complaints.clear()


# --- filter and sort


@pytest.mark.parametrize(
    "typed, left",
    [
        ("node003", ["node003"]),
        ("NODE00", [f"node{number:03d}" for number in range(1, 10)]),
        ("unfit", ["node008", "node009", "node010"]),
        ("fit", [f"node{number:03d}" for number in range(1, 7)]),
        ("warnings", ["node007"]),
        ("unreachable", ["node011"]),
        ("disk-full", ["node008", "node009"]),
        ("cann unfit", ["node008"]),
        ("  torch-verify ", ["node010"]),
        ("nothing like it", []),
    ],
)
def test_filter(show, mixed, typed, left):
    browser = show(mixed)
    browser.click("#filter")
    browser.type(typed)
    assert column(browser, "#hosts", "Host") == left
    assert browser.evaluate("document.querySelector('#shown').textContent") == f"{len(left)} of 12 hosts"
    chips = [name for name in left for _chip in mixed["hosts"][name]["npus"]]
    assert sorted(column(browser, "#npus", "Host")) == sorted(chips)
    assert column(browser, "#systems", "Host") == [name for name in left if mixed["hosts"][name]["platform"]]
    told = {
        finding["id"]: sum((value["hosts"] for value in finding["values"]), [])
        for finding in browser.evaluate(FINDINGS)
    }
    expected = {group["id"]: [name for name in group["hosts"] if name in left] for group in fleet.groups(mixed)}
    assert told == {ident: names for ident, names in expected.items() if names}
    drawn = browser.evaluate(
        "[...document.querySelectorAll('#builds figure:not([hidden]) .host')].map((node) => node.textContent)"
    )
    assert set(drawn) == {name for name in left if any(c["built"] for c in mixed["hosts"][name]["components"].values())}


def test_a_verdict_is_a_filter_too(show, mixed):
    browser = show(mixed)
    browser.click("[data-status=unfit]")
    assert column(browser, "#hosts", "Host") == ["node008", "node009", "node010"]
    assert browser.evaluate("document.querySelector('[data-status=unfit]').getAttribute('aria-pressed')") == "true"
    browser.click("[data-status=unfit]")
    assert len(rows(browser, "#hosts")) == 12
    assert browser.evaluate("document.querySelector('[data-status=unfit]').getAttribute('aria-pressed')") == "false"


def sort(browser, section, title):
    """Click on a column's heading; return its aria-sort, and how many columns have one."""
    number = browser.evaluate(
        "[...document.querySelectorAll(args[0] + ' thead th')].findIndex((head) => head.textContent === args[1])",
        section,
        title,
    )
    browser.click(f"{section} thead th:nth-child({number + 1}) button")
    return browser.evaluate(
        "[...document.querySelectorAll(args[0] + ' [aria-sort]')].map((head) => [head.textContent, head.ariaSort])",
        section,
    )


def test_sort_by_name_is_natural(show):
    names = ["node10", "node9", "alpha", "node1"]
    browser = show(fleets.document({name: {"planned": fleets.planned(fleets.host())} for name in names}))
    assert column(browser, "#hosts", "Host") == names
    assert sort(browser, "#hosts", "Host") == [["Host", "ascending"]]
    assert column(browser, "#hosts", "Host") == ["alpha", "node1", "node9", "node10"]
    assert sort(browser, "#hosts", "Host") == [["Host", "descending"]]
    assert column(browser, "#hosts", "Host") == ["node10", "node9", "node1", "alpha"]


def test_sort_by_verdict_brings_the_worst_first(show, mixed):
    browser = show(mixed)
    sort(browser, "#hosts", "Verdict")
    verdicts = [fleet.VERDICTS[mixed["hosts"][name]["status"]] for name in column(browser, "#hosts", "Host")]
    assert verdicts == sorted(verdicts, key=list(fleet.VERDICTS.values()).index) and verdicts[0] == "unfit"
    assert sort(browser, "#hosts", "Findings") == [["Findings", "ascending"]]
    assert column(browser, "#hosts", "Host")[0] == "node008"


def test_sort_by_numbers_keeps_what_is_missing_last(show, mixed):
    browser = show(mixed)
    for order in ("ascending", "descending"):
        assert sort(browser, "#npus", "Temperature") == [["Temperature", order]]
        shown = column(browser, "#npus", "Temperature")
        known = [float(words.split()[0]) for words in shown[:-1]]
        assert shown[-1] == "-" and known == sorted(known, reverse=order == "descending")
    sort(browser, "#npus", "Health")
    assert column(browser, "#npus", "Health")[:3] == ["Alarm", "Warning", "unknown"]


def test_sorting_and_filtering_go_together(show, mixed):
    browser = show(mixed)
    browser.click("#filter")
    browser.type("unfit")
    sort(browser, "#hosts", "Host")
    sort(browser, "#hosts", "Host")
    assert column(browser, "#hosts", "Host") == ["node010", "node009", "node008"]


# --- for everybody


def focused(browser):
    return browser.evaluate("document.activeElement.id || document.activeElement.textContent")


def test_keyboard(show, mixed):
    browser = show(mixed)
    browser.evaluate("document.body.focus()")
    browser.press("Tab")
    assert focused(browser) == "Skip to the report"
    for _status in range(6):
        browser.press("Tab")
    assert focused(browser) == "filter"
    browser.type("unfit")
    for _stop in range(40):
        browser.press("Tab")
        if browser.evaluate("Boolean(document.activeElement.closest('#hosts thead'))"):
            break
    assert focused(browser) == "Host"
    browser.press("Enter", "\r")
    browser.press("Enter", "\r")
    assert column(browser, "#hosts", "Host") == ["node010", "node009", "node008"]
    seen = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert seen == "solid" and focused(browser) == "Host"


def test_outline_of_the_page(show, mixed):
    browser = show(mixed)
    assert browser.evaluate("[document.documentElement.lang, document.querySelectorAll('main').length, document.title]") == [
        "en", 1, "5 of 12 hosts are not fit - Ascend fleet report"
    ]  # fmt: skip
    levels = browser.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map((node) => Number(node.tagName[1]))")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(following <= level + 1 for level, following in zip(levels, levels[1:]))
    nameless = browser.evaluate(
        """[...document.querySelectorAll("button, a, input, table, [role=region], svg[role=img]")].filter((node) =>
        !(node.getAttribute("aria-label") || node.textContent.trim() || document.querySelector(`label[for="${node.id}"]`)))
        .map((node) => node.outerHTML)"""
    )
    assert nameless == []
    twice = browser.evaluate(
        """[...document.querySelectorAll("[id]")].map((node) => node.id).filter((id, at, all) => all.indexOf(id) !== at)"""
    )
    assert twice == []


# Every text with less contrast to its ground than WCAG 2 asks for at level AA, of large text too.
PALE = """
(() => {
  const parts = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const [r, g, b, a = 1] = parts(getComputedStyle(node).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const pale = new Set();
  for (const node of document.querySelectorAll("body :not(svg *)")) {
    if (node.offsetParent === null || ![...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim())) continue;
    const style = getComputedStyle(node);
    const [one, other] = [light(parts(style.color)), light(ground(node))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) pale.add(`${node.tagName}.${node.className} ${style.color} ${ratio.toFixed(2)}`);
  }
  return [...pale];
})()
"""


@pytest.mark.parametrize("number", [12, 200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(show, mixed, varied, scheme, number):
    browser = show(mixed if number == 12 else varied[number])
    browser.prefer(color_scheme=scheme)
    for section in ("findings", "builds", "products"):
        browser.evaluate(
            "document.querySelectorAll(args[0]).forEach((node) => { node.open = true; })", f"#{section} details"
        )
    browser.evaluate("new Promise(requestAnimationFrame)")
    paper = browser.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (paper == "rgb(22, 24, 27)") == (scheme == "dark")
    assert browser.evaluate(PALE) == []


def test_colour_is_never_alone(show, mixed):
    """Whatever has a tone has words."""
    empty = show(mixed).evaluate(
        """[...document.querySelectorAll(".badge, .marks a, #tally button, .legend li")].filter(
        (node) => !node.textContent.trim()).length"""
    )
    assert empty == 0


# --- paper, phones, no scripts


def printed(browser, folder):
    """The text of the page on paper."""
    browser.print(folder / "report.pdf")
    told = subprocess.run(
        ["pdftotext", "-layout", folder / "report.pdf", "-"], check=True, capture_output=True, text=True
    )
    return told.stdout


def test_paper_has_the_verdict_the_findings_and_a_line_a_host(show, mixed, tmp_path):
    text = printed(show(mixed), tmp_path)
    words = " ".join(text.split())
    assert fleet.headline(mixed) in words
    for group in fleet.groups(mixed):
        assert group["id"] in words
        # A narrow column breaks lines, not words.
        assert set(group["remedy"].split()) <= set(words.split()), group["id"]
    table = text[text.index("NPUs OK") :]
    for name, host in mixed["hosts"].items():
        (line,) = [line for line in table.split("\n") if line.startswith(name)]
        found = [group["id"] for group in fleet.groups(mixed) if name in group["hosts"]]
        sound = [chip for chip in host["npus"] if chip["health"] == "OK"]
        npus = f"{len(sound)} of {len(host['npus'])}" if host["npus"] else "-"
        assert line.startswith(f"{name} ") and fleet.VERDICTS[host["status"]] in line and npus in line, line
        assert line.endswith(", ".join(found) or "-"), line
    assert "Filter" not in words and "Temperature" not in words and "Build times" not in words


def test_paper_of_a_thousand_hosts(show, varied, tmp_path):
    text = printed(show(varied[1000]), tmp_path)
    first = [line.split()[0] for line in text[text.index("NPUs OK") :].split("\n") if line.strip()]
    assert sorted(word for word in first if word in varied[1000]["hosts"]) == sorted(varied[1000]["hosts"])
    # 40 lines or more on a sheet.
    assert text.count("\f") <= 26
    # A table goes over pages, and each begins with its headings.
    assert text.count("NPUs OK") > 10


def test_paper_is_filtered_as_the_screen_is(show, mixed, tmp_path):
    browser = show(mixed)
    browser.click("#filter")
    browser.type("node008")
    text = printed(browser, tmp_path)
    assert "node008" in text and "node001" not in text
    assert "1 of 12 hosts, by the filter: node008" in " ".join(text.split())


@pytest.mark.parametrize("width", [320, 390, 700])
def test_phone(show, mixed, width):
    browser = show(mixed, width, 800)
    browser.resize(width, 800, scale=2, mobile=True)
    browser.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
    browser.evaluate("new Promise(requestAnimationFrame)")
    assert browser.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
    beyond = browser.evaluate(
        """[...document.querySelectorAll("main *")].filter((node) => node.offsetParent !== null && !node.closest(".unseen")
        && node.getBoundingClientRect().right > innerWidth + 1).map((node) => node.outerHTML.slice(0, 200))"""
    )
    assert beyond == []
    assert column(browser, "#hosts", "Host") == list(mixed["hosts"])


@pytest.mark.parametrize("width", [800, 1024])
def test_between_phone_and_desktop_a_table_scrolls_and_not_the_page(show, varied, width):
    browser = show(varied[12], width, 800)
    assert browser.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [width, width]
    assert browser.evaluate("document.querySelector('#systems .scroll').scrollWidth > innerWidth")


# How far a table's last column and the longest of its host names' labels go beyond what holds them.
FITS = """
[...document.querySelectorAll("section .scroll")].map((frame) => [frame.closest("section").id,
  frame.scrollWidth - frame.clientWidth,
  [...frame.querySelectorAll("th .whole")].filter((label) => label.getClientRects().length !== 1).length])
"""


@pytest.mark.parametrize("number", [12, 200, 1000])
@pytest.mark.parametrize("width", [1440, 1920])
def test_tables_fit_their_frames(show, varied, number, width):
    assert show(varied[number], width, 900).evaluate(FITS) == [
        [section, 0, 0] for section in ("hosts", "npus", "products", "systems")
    ]


def test_a_name_breaks_between_its_labels_only(show):
    name = "a-rather-long-name-of-a-host.in-some-far-data-centre.of-a-large-organisation.example.net"
    browser = show(fleets.document({name: fleets.whole(name)}), 1440, 900)
    (*fits,) = browser.evaluate(FITS)
    assert [broken for _section, _beyond, broken in fits] == [0] * 4
    assert column(browser, "#systems", "Host") == [name]


# Where a heading comes to lie after a click on its name, the first that the page gets: how far below what stays in sight,
# and whether the page could not scroll further.
LANDING = """
(async () => {
  document.querySelector(`nav a[href="#${args[0]}"]`).click();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const over = innerWidth > 768 ? document.querySelector(".bar") : document.querySelector("#form");
  return [document.querySelector(`#${args[0]} h2`).getBoundingClientRect().top - over.getBoundingClientRect().bottom,
    scrollY + innerHeight >= document.documentElement.scrollHeight - 1];
})()
"""


@pytest.mark.parametrize("number", [12, 200, 1000])
@pytest.mark.parametrize("width, height", [(390, 800), (1024, 800), (1440, 900), (1920, 1080)])
def test_the_first_click_lands_beside_its_heading(show, varied, number, width, height):
    for section in ("systems", "npus"):
        browser = show(varied[number], width, height)
        below, at_end = browser.evaluate(LANDING, section)
        assert 0 <= below < 60 or (at_end and 0 <= below < height - 100), section


# --- large fleets


# The hosts of a section's rows, of the page that is to be seen.
HOSTS = "[...document.querySelectorAll(args[0] + ' tbody th')].map((head) => head.textContent)"
PAGES = "[...document.querySelectorAll(args[0] + ' .pages span')].map((node) => node.textContent)"


def press(browser, section, title, line=0):
    """Click on a button of a section's first line of pages, or of the one below its rows."""
    browser.click(
        f"#{section} .pages:{'last' if line else 'first'}-child button:nth-of-type({2 if title == 'Next' else 1})"
    )


def test_many_rows_are_in_pages_the_worst_first(show, varied):
    document = varied[200]
    order = sorted(document["hosts"], key=lambda name: list(fleet.VERDICTS).index(document["hosts"][name]["status"]))
    browser = show(document)
    assert browser.evaluate(HOSTS, "#hosts") == order[:24]
    assert browser.evaluate(PAGES, "#hosts") == ["Rows 1 to 24 of 200"] * 2
    press(browser, "hosts", "Next")
    press(browser, "hosts", "Next")
    press(browser, "hosts", "Previous")
    assert browser.evaluate(HOSTS, "#hosts") == order[24:48]
    # Below the rows, the next page is read from its beginning.
    press(browser, "hosts", "Next", line=1)
    assert browser.evaluate(HOSTS, "#hosts") == order[48:72]
    assert browser.evaluate("""document.querySelector("#hosts thead").getBoundingClientRect().top""") < 200
    assert column(browser, "#hosts", "Host") == order
    browser.evaluate("document.querySelector('#filter').focus()")
    browser.type("trainer")
    trainers = [name for name in order if "trainer" in name]
    assert browser.evaluate(HOSTS, "#hosts") == trainers[:24]
    assert browser.evaluate(PAGES, "#hosts")[0] == f"Rows 1 to 24 of {len(trainers)}"
    browser.type("0002")
    assert browser.evaluate(HOSTS, "#hosts") == ["trainer0002"]
    assert browser.evaluate("""[...document.querySelectorAll("#hosts .pages")].every((line) => line.hidden)""")


def test_a_finding_leads_to_a_host_on_any_page(show, varied):
    browser = show(varied[200])
    browser.evaluate("""document.querySelectorAll("#findings details").forEach((node) => { node.open = true; })""")
    browser.evaluate("new Promise((done) => setTimeout(done, 100))")
    name = browser.evaluate(
        """(() => { const there = new Set([...document.querySelectorAll("#hosts tbody tr")].map((row) => "#" + row.id));
        const link = [...document.querySelectorAll("#findings .names a")].find((each) => !there.has(each.hash));
        link.click(); return link.textContent; })()"""
    )
    browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    where = """(() => { const row = document.querySelector("#hosts tr:target"); const box = row.getBoundingClientRect();
      return [row.querySelector("th").textContent, box.top > 0 && box.bottom < innerHeight]; })()"""
    assert browser.evaluate(where) == [name, True]
    # As an address that is kept does.
    sort(browser, "#hosts", "Host")
    browser.evaluate("location.hash = '#host-199'")
    browser.evaluate("new Promise((done) => setTimeout(done, 300))")
    assert browser.evaluate(where) == [list(varied[200]["hosts"])[199], True]


def test_a_thousand_hosts(show, varied):
    document = varied[1000]
    begin = time.monotonic()
    browser = show(document)
    browser.evaluate("document.body.offsetHeight")
    opened = time.monotonic() - begin
    assert browser.evaluate("document.documentElement.scrollHeight") < 15_000
    assert browser.evaluate("document.querySelectorAll('*').length") < 10_000
    assert (
        browser.evaluate(PAGES, "#npus")[0]
        == f"Rows 1 to 24 of {sum(len(h['npus']) for h in document['hosts'].values())}"
    )
    browser.click("#filter")
    begin = time.monotonic()
    browser.type("atlas-800-0007")
    browser.evaluate("document.body.offsetHeight")
    filtered = time.monotonic() - begin
    assert browser.evaluate(HOSTS, "#hosts") == ["atlas-800-0007.example.net"]
    begin = time.monotonic()
    browser.evaluate("document.querySelector('#filter').value = ''")
    sort(browser, "#npus", "Temperature")
    browser.evaluate("document.body.offsetHeight")
    print(json.dumps({"opened_s": opened, "filtered_s": filtered, "sorted_s": time.monotonic() - begin}))
    # A second or so where nothing else runs; a machine that tests has other things to do.
    assert opened < 10 and filtered < 5 and time.monotonic() - begin < 5


def test_without_scripts_there_is_the_table(browser, show, mixed, tmp_path):
    browser.run_scripts(False)
    show(mixed)
    text = printed(browser, tmp_path)
    for line in fleet.table(mixed, page.TEXT_WIDTH):
        assert " ".join(line.split()) in " ".join(text.split())
    assert "Findings" not in text
