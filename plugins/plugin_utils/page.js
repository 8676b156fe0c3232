// Copyright: (c) 2026, the ascend.pytorch authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Shows the fleet document (plugins/plugin_utils/fleet.py says what is in it). What hosts say goes in as text nodes and
// attributes, never as markup.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const hosts = Object.entries(data.document.hosts).map(([name, host], index) => ({ ...host, name, index }));
  const byName = new Map(hosts.map((host) => [host.name, host]));
  const shown = new Set(hosts); // those that the filter lets through
  const onFilter = []; // functions to call when `shown` has changed

  // --- pieces -------------------------------------------------------------------------------------------------------

  /** Return an element: attributes by name (null and false leave one out), children as nodes, text, or null for none. */
  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat()) {
      if (child !== null && child !== undefined && child !== "") node.append(child);
    }
    return node;
  }

  // A browser breaks a line behind a hyphen too, also behind that of an option.
  const withOptions = (text) => text.split(/(?<=\s)(-\S+)/)
    .map((part, number) => (number % 2 ? make("span", { class: "whole" }, part) : part));

  // The name of a host breaks between its labels alone.
  const hostName = (name) => name.split(/(?<=\.)/)
    .flatMap((label, number) => [number ? make("wbr") : null, make("span", { class: "whole" }, label)]);

  const byId = (id) => document.getElementById(id);
  const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
  const unique = (values) => [...new Set(values)];
  const collator = new Intl.Collator("en", { numeric: true });
  const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December"];

  /** Return an ISO time in words, in UTC: the reader may sit elsewhere than the fleet. What is no time stays as it is. */
  function moment(iso) {
    const time = new Date(iso);
    if (Number.isNaN(time.getTime())) return iso;
    const clock = time.toISOString().slice(11, 16);
    const day = `${time.getUTCDate()} ${MONTHS[time.getUTCMonth()]} ${time.getUTCFullYear()}`;
    return make("time", { datetime: iso }, `${day}, ${clock} UTC`);
  }

  /** Return seconds as "1 h 02 min", "3 min 05 s" or "8.2 s". */
  function duration(seconds) {
    if (seconds < 59.95) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
    const two = (number) => String(number).padStart(2, "0");
    const whole = Math.round(seconds);
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
    const minutes = Math.round(whole / 60);
    return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  }

  /** Return a badge: its colour and mark come from the class, what it says are the words. */
  const badge = (tone, words) => make("span", { class: `badge ${tone}` }, words);

  const small = (text, kind = "") => make("span", { class: `small ${kind}` }, text);

  /** Return something to open, whose content is made when it is. */
  function later(title, content) {
    const details = make("details", {}, make("summary", {}, title));
    details.addEventListener("toggle", () => details.append(content()), { once: true });
    return details;
  }

  const MOST_NAMES = 6;

  /** Return links to those hosts that the filter lets through, in something to open where they are many. */
  function hostList(names) {
    const left = names.filter((name) => shown.has(byName.get(name)));
    const list = () => make("p", { class: "names" },
      left.map((name) => make("a", { href: `#host-${byName.get(name).index}` }, hostName(name))));
    if (names.length <= MOST_NAMES) return list();
    return later(left.length === names.length ? count(left.length, "host") : `${left.length} of ${count(names.length, "host")}`, list);
  }

  const anyShown = (names) => names.some((name) => shown.has(byName.get(name)));

  // --- tables -------------------------------------------------------------------------------------------------------

  const MOST_ROWS = 24;

  /** Return a line that says which rows are to be seen, with buttons to the others, and the function that has it say so. */
  function makePager(move) {
    const words = make("span");
    const [previous, next] = [["Previous", -MOST_ROWS], ["Next", MOST_ROWS]].map(([title, step]) => {
      const button = make("button", { type: "button" }, title);
      button.addEventListener("click", () => move(step));
      return button;
    });
    const line = make("p", { class: "pages" }, words, previous, next);
    return [line, (first, all) => {
      line.hidden = all <= MOST_ROWS;
      words.textContent = `Rows ${first + 1} to ${Math.min(first + MOST_ROWS, all)} of ${all}`;
      previous.disabled = first === 0;
      next.disabled = first + MOST_ROWS >= all;
    }];
  }

  function makeRow(columns, row) {
    const line = make("tr", { role: "row", id: row.id || null });
    columns.forEach((column, number) => {
      const inside = column.cell ? column.cell(row) : column.value(row);
      const nothing = inside === null || inside === undefined || inside.length === 0; // text or nodes
      const head = number === 0;
      line.append(make(head ? "th" : "td", {
        role: head ? "rowheader" : "cell", scope: head ? "row" : null, "data-title": column.title,
        class: column.kind || null,
      }, nothing ? "-" : inside));
    });
    return line;
  }

  /**
   * Return a table whose columns sort and whose rows follow the filter, a page of them at a time: {node, rows(): those that
   * the filter lets through, show(row): have its page drawn, and say whether there is one}.
   *
   * A column is {title, value(row): what it sorts by, cell(row): what it shows (the value, if left out), kind: a class}; the
   * first heads the row. A row has `names`, the hosts that it is about. What is more than a page is sorted by the column
   * `worst` at first. The roles say that it is a table also where the style makes cards of its rows.
   */
  function makeTable(label, columns, rows, worst) {
    const body = make("tbody", { role: "rowgroup" });
    let sorted = rows;
    let first = 0;
    const left = () => sorted.filter((row) => anyShown(row.names));

    function draw(from) {
      const all = left();
      first = from;
      body.replaceChildren(...all.slice(first, first + MOST_ROWS).map((row) => makeRow(columns, row)));
      for (const [, say] of pagers) say(first, all.length);
    }

    function sort(number, order) {
      heads.forEach((head, other) => (other === number ? head.setAttribute("aria-sort", order) : head.removeAttribute("aria-sort")));
      const direction = order === "ascending" ? 1 : -1;
      sorted = rows.map((row) => ({ row, key: columns[number].value(row) }))
        .sort((one, other) => compare(one.key, other.key, direction)).map(({ row }) => row);
    }

    const heads = columns.map((column, number) => {
      const button = make("button", { type: "button" }, column.title);
      const head = make("th", { role: "columnheader", scope: "col", class: column.kind || null }, button);
      button.addEventListener("click", () => {
        sort(number, head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending");
        draw(0);
      });
      return head;
    });
    const table = make("table", { role: "table", "aria-label": label },
      make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, heads)), body);
    const frame = make("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, table);
    const pagers = [
      makePager((step) => draw(first + step)),
      // Behind the last row: who goes on from there reads on from the first.
      makePager((step) => {
        draw(first + step);
        frame.focus({ preventScroll: true });
        node.scrollIntoView();
      }),
    ];
    const node = make("div", { class: "paged" }, pagers[0][0], frame, pagers[1][0]);
    if (worst && rows.length > MOST_ROWS) sort(columns.findIndex(({ title }) => title === worst), "ascending");
    onFilter.push(() => draw(0));
    draw(0);
    return {
      node,
      rows: left,
      show: (row) => {
        const at = left().indexOf(row);
        if (at >= 0) draw(at - (at % MOST_ROWS));
        return at >= 0;
      },
    };
  }

  /** Compare two values; what is missing comes last, whichever the direction (1 or -1). */
  function compare(one, other, direction) {
    const missing = (value) => value === null || value === undefined || value === "";
    if (missing(one) || missing(other)) return missing(one) - missing(other);
    const both = typeof one === "number" && typeof other === "number";
    return direction * (both ? one - other : collator.compare(String(one), String(other)));
  }

  // --- the verdict --------------------------------------------------------------------------------------------------

  const TONES = { fit: "good", warnings: "warn", unfit: "bad", unreachable: "gone", failed: "gone" };
  const statuses = Object.keys(data.verdicts);

  function showVerdict() {
    const whole = data.summary.complete;
    byId("lede").append("Looked at on ", moment(data.document.when),
      `, by ascend.pytorch ${data.document.collection_version}. `,
      `${whole} of ${count(hosts.length, "host")} ${whole === 1 ? "has" : "have"} everything that the guide asks for.`);
    for (const status of statuses.filter((name) => data.summary[name])) {
      const part = make("span", { class: TONES[status] });
      part.style.flexGrow = data.summary[status];
      byId("share").prepend(part);
      const button = make("button", { type: "button", class: TONES[status], "data-status": status, "aria-pressed": "false" },
        make("b", {}, String(data.summary[status])), ` ${data.verdicts[status]}`);
      button.addEventListener("click", () => {
        filter.value = filter.value === status ? "" : status;
        applyFilter();
      });
      byId("tally").prepend(button);
    }
  }

  // --- the filter ---------------------------------------------------------------------------------------------------

  const filter = byId("filter");

  /** Whether a host is meant by a term: a part of its name or of a finding's id, or the beginning of its verdict. */
  function meant(host, term) {
    return host.name.toLowerCase().includes(term) || host.status.startsWith(term) ||
      host.findings.some((finding) => finding.id.toLowerCase().includes(term));
  }

  function applyFilter() {
    const terms = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown.clear();
    for (const host of hosts) if (terms.every((term) => meant(host, term))) shown.add(host);
    for (const follow of onFilter) follow();
    byId("shown").textContent = `${shown.size} of ${count(hosts.length, "host")}`;
    // For paper, where the filter itself is not to be seen.
    byId("partly").hidden = !terms.length;
    byId("partly").textContent = `${byId("shown").textContent}, by the filter: ${terms.join(" ")}`;
    for (const button of byId("tally").children) {
      button.setAttribute("aria-pressed", String(button.dataset.status === filter.value.trim().toLowerCase()));
    }
  }

  // --- findings -----------------------------------------------------------------------------------------------------

  const SEVERITY_TONES = { error: "bad", warning: "warn", note: "note" };
  const MOST_VALUES = 4;

  function showFindings() {
    const list = make("div", { class: "findings" });
    byId("findings").append(list);
    onFilter.push(() => {
      const left = data.groups.map(findingArticle).filter(Boolean);
      list.replaceChildren(...(left.length ? left : [make("p", { class: "quiet" }, "Nothing was found.")]));
    });
  }

  /** Return what is to be said of a finding, null where the filter lets none of its hosts through. */
  function findingArticle(group, number) {
    if (!anyShown(group.hosts)) return null;
    const wanted = unique(group.values.map((value) => value.wanted));
    const left = group.values.filter((value) => anyShown(value.hosts));
    const lines = (values) => make("ul", {}, values.map((value) => make("li", {}, make("p", {}, value.found),
      wanted.length > 1 ? small(`wanted: ${value.wanted}`) : null, hostList(value.hosts))));
    const rest = left.slice(MOST_VALUES);
    return make("article", { id: `finding-${number}`, class: group.severity },
      make("h3", {}, badge(SEVERITY_TONES[group.severity], group.severity), " ", group.id),
      lines(left.slice(0, MOST_VALUES)),
      rest.length ? later(`and ${rest.length} more like these`, () => lines(rest)) : null,
      make("dl", {}, wanted.length === 1 && wanted[0] ? [make("dt", {}, "Wanted"), make("dd", {}, wanted[0])] : null,
        make("dt", {}, "Remedy"), make("dd", { class: "remedy" }, withOptions(group.remedy)),
        make("dt", {}, "From"), make("dd", { class: "quiet" }, group.source)));
  }

  // --- hosts --------------------------------------------------------------------------------------------------------

  const componentNames = unique(hosts.flatMap((host) => Object.keys(host.components)));
  // How a cell sorts: what needs somebody first.
  const RANKS = { bad: 0, todo: 1, good: 2, none: 3 };

  /** Return {tone, words} for what a component is or is to become. */
  function doing(entry) {
    if (entry.do !== "nothing") return { tone: "todo", words: `to ${entry.do}` };
    if (entry.verified === false) return { tone: "bad", words: "fails" };
    if (entry.version && !entry.ours) return { tone: "good", words: "host's own" };
    if (entry.version) return { tone: "good", words: entry.verified ? "verified" : "in place" };
    return { tone: "none", words: "absent" };
  }

  function componentCell(name, entry) {
    if (!entry) return null;
    const { tone, words } = doing(entry);
    const lines = [badge(tone, words)];
    if (entry.do !== "nothing") {
      lines.push(small(entry.then, "what"));
      // The column says already what it is about.
      lines.push(...entry.why.map((why) => small(why.startsWith(`${name}: `) ? why.slice(name.length + 2) : why)));
    } else if (entry.version) {
      lines.push(small(entry.version, "what"), entry.fingerprint ? small(entry.fingerprint.slice(0, 12), "print") : null);
    }
    // What is to be built anyway is not expected to hold; the reason why it is stands there already.
    const problems = entry.do === "nothing" ? entry.problems : [];
    return lines.concat([...problems, ...entry.notes].map((words) => small(words, "clamped")));
  }

  function environmentCell(env) {
    if (!env) return null;
    if (env.do === "nothing") return badge("good", "in place");
    return [badge("todo", `to ${env.do}`), small(env.path, "print"),
      ...env.why.map((why) => small(why.replace(/^environment file: /, "")))];
  }

  const ranked = (state) => (state ? `${RANKS[state.tone]} ${state.words}` : null);
  const marks = new Map(hosts.map((host) => [host.name, []])); // host -> [severity, id, number of the group]
  data.groups.forEach((group, number) => {
    for (const name of group.hosts) marks.get(name).push([group.severity, group.id, number]);
  });

  const HOST = { title: "Host", kind: "host", value: ({ host }) => host.name, cell: ({ host }) => hostName(host.name) };

  function makeHosts() {
    const rows = hosts.map((host) => ({ host, names: [host.name], id: `host-${host.index}` }));
    const columns = [
      HOST,
      {
        title: "Verdict", kind: "component", value: ({ host }) => statuses.indexOf(host.status),
        cell: ({ host }) => [badge(TONES[host.status], data.verdicts[host.status]), host.message ? small(host.message, "clamped") : null],
      },
      ...componentNames.map((name) => ({
        title: name, kind: "component",
        value: ({ host }) => ranked(host.components[name] && doing(host.components[name])),
        cell: ({ host }) => componentCell(name, host.components[name]),
      })),
      {
        title: "Environment", kind: "component",
        value: ({ host }) => ranked(host.environment &&
          { tone: host.environment.do === "nothing" ? "good" : "todo", words: host.environment.do }),
        cell: ({ host }) => environmentCell(host.environment),
      },
      {
        title: "Findings", kind: "marks",
        // Worst first: an error outweighs any number of warnings.
        value: ({ host }) => {
          const of = (severity) => marks.get(host.name).filter((mark) => mark[0] === severity).length;
          return -(of("error") * 1e6 + of("warning") * 1e3 + of("note")) || null;
        },
        cell: ({ host }) => marks.get(host.name).map(([severity, id, number]) =>
          make("a", { href: `#finding-${number}`, class: SEVERITY_TONES[severity] },
            make("span", { class: "unseen" }, `${severity}: `), id)),
      },
    ];
    const table = makeTable("Hosts by component", columns, rows, "Verdict");
    byId("hosts").append(table.node);
    return { ...table, show: (index) => table.show(rows[index]) };
  }

  /** Return the hosts for paper, a line each: what the findings say of them stands before. */
  function paperTable(rows) {
    const npus = ({ npus: chips }) => chips.length && `${chips.filter((chip) => healthTone(chip) === "good").length} of ${chips.length}`;
    const words = (host) => [
      data.verdicts[host.status],
      ...componentNames.map((name) => host.components[name] &&
        [host.components[name].version, doing(host.components[name]).words].filter(Boolean).join(" ")),
      host.environment && (host.environment.do === "nothing" ? "in place" : `to ${host.environment.do}`),
      npus(host),
      marks.get(host.name).map(([, id]) => id).join(", "),
    ];
    const titles = ["Host", "Verdict", ...componentNames, "Environment", "NPUs OK", "Findings"];
    return make("table", { class: "paper" }, make("thead", {}, make("tr", {}, titles.map((title) => make("th", {}, title)))),
      make("tbody", {}, rows.map(({ host }) => make("tr", {}, make("th", {}, host.name),
        words(host).map((said) => make("td", {}, said || "-"))))));
  }

  // --- NPUs ---------------------------------------------------------------------------------------------------------

  const HEALTH_TONES = { ok: "good", warning: "warn", alarm: "bad", critical: "bad", "": "gone" };
  // By what sorts: the worst first.
  const HEALTH_RANKS = ["bad", "warn", "gone", "good"];
  const healthTone = (chip) => HEALTH_TONES[chip.health.toLowerCase()] || "warn";

  /** Return "591 of 14795 MB" over a bar, null where neither is known. */
  function usage(used, total) {
    if (used === null && total === null) return null;
    const words = `${used === null ? "?" : used} of ${total === null ? "?" : total} MB`;
    if (!total || used === null) return words;
    const fill = make("span");
    fill.style.width = `${Math.min(100, (100 * used) / total)}%`;
    return [words, make("span", { class: "gauge", "aria-hidden": "true" }, fill)];
  }

  const share = (used, total) => (total && used !== null ? used / total : used);

  function showNpus() {
    const section = byId("npus");
    const rows = hosts.flatMap((host) => host.npus.map((chip) => ({ chip, host, names: [host.name] })));
    const about = make("p", { class: "quiet" });
    section.append(about);
    onFilter.push(() => {
      const seen = rows.filter(({ host }) => shown.has(host));
      const sound = seen.filter(({ chip }) => healthTone(chip) === "good").length;
      const without = hosts.filter((host) => shown.has(host) && host.ascend && !host.npus.length);
      const why = unique(without.map((host) => host.ascend.npu_smi).filter(Boolean));
      const said = why.length ? ` (npu-smi: ${why.slice(0, 3).join("; ")}${why.length > 3 ? "; …" : ""})` : "";
      about.textContent = `${count(seen.length, "NPU")}, ${sound} of them OK.` +
        (without.length ? ` ${count(without.length, "host")} without any${said}.` : "");
    });
    if (!rows.length) return;
    const unit = (key, words) => ({ chip }) => (chip[key] === null ? null : `${chip[key]}${words}`);
    section.append(makeTable("NPUs", [
      HOST,
      {
        title: "NPU", value: ({ chip }) => (chip.npu_id === null ? null : chip.npu_id * 1000 + (chip.chip_id || 0)),
        cell: ({ chip }) => (chip.npu_id === null ? null : chip.chip_id ? `${chip.npu_id}, chip ${chip.chip_id}` : String(chip.npu_id)),
      },
      { title: "Name", value: ({ chip }) => chip.name },
      {
        title: "Health", kind: "state", value: ({ chip }) => HEALTH_RANKS.indexOf(healthTone(chip)),
        cell: ({ chip }) => badge(healthTone(chip), chip.health || "unknown"),
      },
      {
        title: "HBM", kind: "number", value: ({ chip }) => share(chip.hbm_used_mb, chip.hbm_total_mb),
        cell: ({ chip }) => usage(chip.hbm_used_mb, chip.hbm_total_mb),
      },
      {
        title: "Memory", kind: "number", value: ({ chip }) => share(chip.memory_used_mb, chip.memory_total_mb),
        cell: ({ chip }) => usage(chip.memory_used_mb, chip.memory_total_mb),
      },
      { title: "AI Core", kind: "number", value: ({ chip }) => chip.aicore_percent, cell: unit("aicore_percent", " %") },
      { title: "Temperature", kind: "number", value: ({ chip }) => chip.temp_c, cell: unit("temp_c", " °C") },
      { title: "Power", kind: "number", value: ({ chip }) => chip.power_w, cell: unit("power_w", " W") },
      { title: "Bus", kind: "print", value: ({ chip }) => chip.bus_id },
    ], rows, "Health").node);
  }

  // --- build times --------------------------------------------------------------------------------------------------

  const MOST_BARS = 12;

  /** Return the builds: hosts with the very same product (one build may serve many) are told once. */
  function builds() {
    const found = new Map();
    for (const host of hosts) {
      for (const [name, entry] of Object.entries(host.components)) {
        if (!entry.built || !Object.keys(entry.built.seconds).length) continue;
        const key = JSON.stringify([name, entry.fingerprint, entry.built]);
        if (!found.has(key)) {
          const seconds = new Map(Object.entries(entry.built.seconds));
          const total = [...seconds.values()].reduce((sum, value) => sum + value, 0);
          found.set(key, { name, version: entry.version, when: entry.built.when, seconds, total, names: [] });
        }
        found.get(key).names.push(host.name);
      }
    }
    return [...found.values()];
  }

  const stageClass = (stage) => `stage-${data.stages.includes(stage) ? stage : "other"}`;

  /** Return a bar of stages one after the other, `longest` seconds being the whole width. */
  function stackedBar(build, stages, longest) {
    const svg = (tag, attributes, ...children) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
      node.append(...children);
      return node;
    };
    const bar = svg("svg", { role: "img", "aria-label": stages.filter((stage) => build.seconds.has(stage))
      .map((stage) => `${stage} ${duration(build.seconds.get(stage))}`).join(", ") });
    let from = 0;
    for (const stage of stages) {
      const seconds = build.seconds.get(stage) || 0;
      if (!seconds) continue;
      bar.append(svg("rect", {
        class: stageClass(stage), x: `${(100 * from) / longest}%`, width: `${(100 * seconds) / longest}%`, height: "100%",
      }, svg("title", {}, `${stage}: ${duration(seconds)}`)));
      from += seconds;
    }
    return bar;
  }

  const whose = (names) => [hostName(names[0]), names.length > 1 ? ` and ${names.length - 1} more` : ""].flat();

  function showBuilds() {
    const section = byId("builds");
    const all = builds();
    const there = unique(all.flatMap((build) => [...build.seconds.keys()]));
    const stages = data.stages.filter((stage) => there.includes(stage)).concat(there.filter((s) => !data.stages.includes(s)));
    if (!all.length) {
      section.append(make("p", { class: "quiet" }, "Nothing that this collection built stands on these hosts."));
      return;
    }
    section.append(make("ul", { class: "legend" },
      stages.map((stage) => make("li", {}, make("span", { class: stageClass(stage), "aria-hidden": "true" }), stage))));
    for (const name of componentNames.filter((component) => all.some((build) => build.name === component))) {
      const of = all.filter((build) => build.name === name).sort((one, other) => other.total - one.total);
      const caption = make("p", { class: "quiet" });
      const bars = make("ol", { class: "bars" });
      const figure = make("figure", {}, make("h3", {}, name), caption, bars);
      section.append(figure);
      onFilter.push(() => {
        const left = of.filter((build) => anyShown(build.names));
        figure.hidden = !left.length;
        if (!left.length) return;
        const middle = left[Math.floor(left.length / 2)];
        caption.textContent = left.length === 1 ? "1 build" : `${left.length} builds, ${duration(left[left.length - 1].total)} ` +
          `to ${duration(left[0].total)}, half of them within ${duration(middle.total)}` +
          (left.length > MOST_BARS ? `; the longest ${MOST_BARS} are drawn` : "");
        bars.replaceChildren(...left.slice(0, MOST_BARS).map((build) => make("li", {},
          make("span", { class: "host" }, whose(build.names)), stackedBar(build, stages, left[0].total),
          make("span", { class: "number" }, duration(build.total)))));
      });
    }
    section.append(later("The same as a table", () => makeTable("Build times", [
      { title: "Product", value: (build) => `${build.name} ${build.version || ""}` },
      { title: "Host", kind: "host", value: (build) => build.names[0], cell: (build) => whose(build.names) },
      { title: "Built", value: (build) => build.when, cell: (build) => moment(build.when) },
      ...stages.map((stage) => ({
        title: stage, kind: "number", value: (build) => build.seconds.get(stage) ?? null,
        cell: (build) => (build.seconds.has(stage) ? duration(build.seconds.get(stage)) : null),
      })),
      { title: "Total", kind: "number", value: (build) => build.total, cell: (build) => duration(build.total) },
    ], all).node));
  }

  // --- products and systems -----------------------------------------------------------------------------------------

  function showProducts() {
    const found = new Map();
    for (const host of hosts) {
      for (const [name, entry] of Object.entries(host.components)) {
        if (!entry.version) continue;
        const key = JSON.stringify([name, entry.version, entry.fingerprint, entry.collection_version]);
        if (!found.has(key)) found.set(key, { name, entry, names: [], built: [] });
        found.get(key).names.push(host.name);
        if (entry.built && entry.built.when) found.get(key).built.push(entry.built);
      }
    }
    const rows = [...found.values()].map((row) => {
      row.built.sort((one, other) => collator.compare(one.when, other.when));
      return row;
    });
    rows.sort((one, other) => componentNames.indexOf(one.name) - componentNames.indexOf(other.name));
    if (!rows.length) {
      byId("products").append(make("p", { class: "quiet" }, "None stands on these hosts."));
      return;
    }
    byId("products").append(makeTable("Products", [
      { title: "Product", value: (row) => row.name },
      { title: "Version", value: (row) => row.entry.version },
      {
        title: "Fingerprint", kind: "print", value: (row) => row.entry.fingerprint || "",
        cell: (row) => row.entry.fingerprint || "not made by this collection",
      },
      {
        title: "Built", value: (row) => (row.built.length ? row.built[0].when : null),
        cell: (row) => {
          if (!row.built.length) return null;
          const [first, last] = [row.built[0], row.built[row.built.length - 1]];
          const one = [moment(first.when), small(["on ", ...hostName(first.host)])];
          return first.when === last.when ? one : [...one, small("up to "), moment(last.when), small(["on ", ...hostName(last.host)])];
        },
      },
      { title: "By version", value: (row) => row.entry.collection_version },
      { title: "Hosts", value: (row) => -row.names.length, cell: (row) => hostList(row.names) },
    ], rows).node);
  }

  function showSystems() {
    const rows = hosts.filter((host) => host.platform || host.ascend)
      .map((host) => ({ names: [host.name], host, platform: host.platform || {}, ascend: host.ascend || {} }));
    if (!rows.length) {
      byId("systems").append(make("p", { class: "quiet" }, "No host could be examined."));
      return;
    }
    const agreement = ({ ascend }) => (ascend.agree === true ? "yes" : ascend.agree === false ? "no" : null);
    byId("systems").append(makeTable("Systems", [
      HOST,
      { title: "System", value: (row) => row.platform.os },
      { title: "Architecture", kind: "short", value: (row) => row.platform.arch },
      { title: "C library", kind: "short", value: (row) => row.platform.libc },
      { title: "Cores", kind: "number", value: (row) => row.platform.cores },
      {
        title: "Memory", kind: "number", value: (row) => row.platform.memory_mib,
        cell: ({ platform }) => (platform.memory_mib ? `${(platform.memory_mib / 1024).toFixed(1)} GiB` : null),
      },
      { title: "Python", kind: "short", value: (row) => row.platform.python },
      { title: "CANN", kind: "short", value: (row) => row.ascend.cann },
      { title: "Driver", kind: "short", value: (row) => row.ascend.driver },
      { title: "Firmware", kind: "short", value: (row) => row.ascend.firmware },
      {
        title: "They agree", kind: "state", value: agreement,
        cell: (row) => (agreement(row) ? badge(row.ascend.agree ? "good" : "bad", agreement(row)) : null),
      },
      { title: "npu-smi", value: (row) => row.ascend.npu_smi, cell: (row) => row.ascend.npu_smi || "answers" },
    ], rows).node);
  }

  // --- all of it ----------------------------------------------------------------------------------------------------

  showVerdict();
  showFindings();
  const hostTable = makeHosts();
  showNpus();
  showBuilds();
  showProducts();
  showSystems();
  applyFilter();
  byId("report").hidden = false;

  byId("form").addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("input", applyFilter);

  // The bar stays in sight over what a link leads to; on a phone only the filter does.
  const bar = document.querySelector(".bar");
  new ResizeObserver(() => {
    document.documentElement.style.scrollPaddingTop = `${Math.max(bar.offsetHeight, byId("form").offsetHeight)}px`;
  }).observe(bar);

  /** Have the row drawn that an address leads to; say whether it was not, and is now. */
  function bring(hash) {
    const [, index] = /^#host-(\d+)$/.exec(hash) || [];
    return Boolean(index) && !byId(hash.slice(1)) && hostTable.show(Number(index));
  }
  addEventListener("click", (event) => bring((event.target.closest("a") || {}).hash));
  addEventListener("hashchange", () => {
    if (bring(location.hash)) location.replace(location.hash);
  });
  bring(location.hash);

  let paper = null;
  addEventListener("beforeprint", () => {
    paper = paperTable(hostTable.rows());
    byId("hosts").append(paper);
  });
  addEventListener("afterprint", () => paper.remove());
})();
