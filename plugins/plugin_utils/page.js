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
    .map((part, number) => (number % 2 ? make("span", { class: "option" }, part) : part));

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

  const MOST_NAMES = 6;

  /** Return links to hosts, in something to open where they are many; what is filtered away is left out. */
  function hostList(names) {
    const links = names.map((name) => [byName.get(name), make("a", { href: `#host-${byName.get(name).index}` }, name)]);
    const summary = make("summary");
    onFilter.push(() => {
      let left = 0;
      for (const [host, link] of links) {
        link.hidden = !shown.has(host);
        if (!link.hidden) left += 1;
      }
      summary.textContent = left === names.length ? count(left, "host") : `${left} of ${count(names.length, "host")}`;
    });
    const list = make("p", { class: "names" }, links.map(([, link]) => link));
    return names.length > MOST_NAMES ? make("details", {}, summary, list) : list;
  }

  const anyShown = (names) => names.some((name) => shown.has(byName.get(name)));

  // --- tables -------------------------------------------------------------------------------------------------------

  const GAP_REM = 1.4; // as in the style
  const NAME = [9, 1.4];

  /**
   * Return a table whose columns sort and whose rows follow the filter.
   *
   * A column is {title, size: [least rem, share of the rest], value(row): what it sorts by, cell(row): what it shows (the
   * value, if left out), kind: a class}; the first heads the row. A row has `names`, the hosts that it is about.
   *
   * On a screen each row is a grid of the columns' sizes and not part of a table's layout, which would have to measure
   * thousands of rows anew whenever one goes; the roles say that it is a table all the same.
   */
  function makeTable(label, columns, rows) {
    const body = make("tbody", { role: "rowgroup" });
    const lines = rows.map((row) => {
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
      return { row, line };
    });
    body.append(...lines.map(({ line }) => line));

    const heads = columns.map((column) => {
      const button = make("button", { type: "button" }, column.title);
      const head = make("th", { role: "columnheader", scope: "col", class: column.kind || null,
        "data-title": column.title }, button);
      button.addEventListener("click", () => {
        const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", order);
        const keyed = lines.map(({ row, line }) => ({ line, key: column.value(row) }));
        keyed.sort((one, other) => compare(one.key, other.key, order === "ascending" ? 1 : -1));
        body.append(...keyed.map(({ line }) => line));
      });
      return head;
    });

    onFilter.push(() => {
      for (const { row, line } of lines) line.hidden = !anyShown(row.names);
    });
    const table = make("table", { role: "table", "aria-label": label },
      make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, heads)), body);
    table.style.setProperty("--columns", columns.map(({ size }) => `minmax(${size[0]}rem, ${size[1]}fr)`).join(" "));
    table.style.setProperty("--least", `${columns.reduce((sum, { size }) => sum + size[0] + GAP_REM, -GAP_REM)}rem`);
    return make("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, table);
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
    const section = byId("findings");
    const none = make("p", { class: "quiet" }, "Nothing was found.");
    const list = make("div", { class: "findings" });
    section.append(none, list);
    data.groups.forEach((group, number) => {
      const wanted = unique(group.values.map((value) => value.wanted));
      const values = group.values.map((value) => {
        const line = make("li", {}, make("p", {}, value.found),
          wanted.length > 1 ? small(`wanted: ${value.wanted}`) : null, hostList(value.hosts));
        onFilter.push(() => { line.hidden = !anyShown(value.hosts); });
        return line;
      });
      const rest = values.slice(MOST_VALUES);
      const article = make("article", { id: `finding-${number}`, class: group.severity },
        make("h3", {}, badge(SEVERITY_TONES[group.severity], group.severity), " ", group.id),
        make("ul", {}, values.slice(0, MOST_VALUES)),
        rest.length ? make("details", {}, make("summary", {}, `and ${rest.length} more like these`), make("ul", {}, rest))
          : null,
        make("dl", {}, wanted.length === 1 && wanted[0] ? [make("dt", {}, "Wanted"), make("dd", {}, wanted[0])] : null,
          make("dt", {}, "Remedy"), make("dd", { class: "remedy" }, withOptions(group.remedy)),
          make("dt", {}, "From"), make("dd", { class: "quiet" }, group.source)));
      list.append(article);
      onFilter.push(() => { article.hidden = !anyShown(group.hosts); });
    });
    onFilter.push(() => { none.hidden = data.groups.some((group) => anyShown(group.hosts)); });
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

  function showHosts() {
    const rows = hosts.map((host) => ({ host, names: [host.name], id: `host-${host.index}` }));
    const columns = [
      { title: "Host", kind: "host", size: NAME, value: ({ host }) => host.name },
      {
        title: "Verdict", kind: "state", size: [9, 1.3], value: ({ host }) => statuses.indexOf(host.status),
        cell: ({ host }) => [badge(TONES[host.status], data.verdicts[host.status]), host.message ? small(host.message, "clamped") : null],
      },
      ...componentNames.map((name) => ({
        title: name, kind: "component", size: [9, 1.4],
        value: ({ host }) => ranked(host.components[name] && doing(host.components[name])),
        cell: ({ host }) => componentCell(name, host.components[name]),
      })),
      {
        title: "Environment", kind: "component", size: [9, 1.3],
        value: ({ host }) => ranked(host.environment &&
          { tone: host.environment.do === "nothing" ? "good" : "todo", words: host.environment.do }),
        cell: ({ host }) => environmentCell(host.environment),
      },
      {
        title: "Findings", kind: "marks", size: [9, 1.2],
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
    byId("hosts").append(makeTable("Hosts by component", columns, rows));
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
      { title: "Host", kind: "host", size: NAME, value: ({ host }) => host.name },
      {
        title: "NPU", size: [4, 0.6], value: ({ chip }) => (chip.npu_id === null ? null : chip.npu_id * 1000 + (chip.chip_id || 0)),
        cell: ({ chip }) => (chip.npu_id === null ? null : chip.chip_id ? `${chip.npu_id}, chip ${chip.chip_id}` : String(chip.npu_id)),
      },
      { title: "Name", size: [5, 0.8], value: ({ chip }) => chip.name },
      {
        title: "Health", kind: "state", size: [7, 1], value: ({ chip }) => HEALTH_RANKS.indexOf(healthTone(chip)),
        cell: ({ chip }) => badge(healthTone(chip), chip.health || "unknown"),
      },
      {
        title: "HBM", kind: "number", size: [9, 1.1], value: ({ chip }) => share(chip.hbm_used_mb, chip.hbm_total_mb),
        cell: ({ chip }) => usage(chip.hbm_used_mb, chip.hbm_total_mb),
      },
      {
        title: "Memory", kind: "number", size: [9, 1.1], value: ({ chip }) => share(chip.memory_used_mb, chip.memory_total_mb),
        cell: ({ chip }) => usage(chip.memory_used_mb, chip.memory_total_mb),
      },
      { title: "AI Core", kind: "number", size: [5, 0.7], value: ({ chip }) => chip.aicore_percent, cell: unit("aicore_percent", " %") },
      { title: "Temperature", kind: "number", size: [7, 0.8], value: ({ chip }) => chip.temp_c, cell: unit("temp_c", " °C") },
      { title: "Power", kind: "number", size: [5, 0.7], value: ({ chip }) => chip.power_w, cell: unit("power_w", " W") },
      { title: "Bus", kind: "print", size: [8, 1], value: ({ chip }) => chip.bus_id },
    ], rows));
  }

  // --- build times --------------------------------------------------------------------------------------------------

  const MOST_BARS = 24;

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

  const whose = (names) => (names.length === 1 ? names[0] : `${names[0]} and ${names.length - 1} more`);

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
    const asTable = make("details", {}, make("summary", {}, "The same as a table"));
    section.append(asTable);
    // Thousands of rows in a large fleet, that few will open.
    fillLater(asTable, () => makeTable("Build times", [
      { title: "Product", size: [7, 1], value: (build) => `${build.name} ${build.version || ""}` },
      { title: "Host", kind: "host", size: NAME, value: (build) => whose(build.names) },
      { title: "Built", size: [9, 1.4], value: (build) => build.when, cell: (build) => moment(build.when) },
      ...stages.map((stage) => ({
        title: stage, kind: "number", size: [5.5, 0.8], value: (build) => build.seconds.get(stage) ?? null,
        cell: (build) => (build.seconds.has(stage) ? duration(build.seconds.get(stage)) : null),
      })),
      { title: "Total", kind: "number", size: [5.5, 0.8], value: (build) => build.total, cell: (build) => duration(build.total) },
    ], all));
  }

  const later = []; // what is yet to be made before printing

  /** Fill a `details` when it is first opened. */
  function fillLater(details, content) {
    let filled = false;
    const fill = () => {
      if (filled) return;
      filled = true;
      const first = onFilter.length;
      details.append(content());
      for (const follow of onFilter.slice(first)) follow();
    };
    details.addEventListener("toggle", fill);
    later.push(fill);
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
      { title: "Product", size: [6, 0.7], value: (row) => row.name },
      { title: "Version", size: [5, 0.6], value: (row) => row.entry.version },
      {
        title: "Fingerprint", kind: "print", size: [17, 3], value: (row) => row.entry.fingerprint || "",
        cell: (row) => row.entry.fingerprint || "not made by this collection",
      },
      {
        title: "Built", size: [11, 1.4], value: (row) => (row.built.length ? row.built[0].when : null),
        cell: (row) => {
          if (!row.built.length) return null;
          const [first, last] = [row.built[0], row.built[row.built.length - 1]];
          const one = [moment(first.when), small(`on ${first.host}`)];
          return first.when === last.when ? one : [...one, small("up to "), moment(last.when), small(`on ${last.host}`)];
        },
      },
      { title: "By version", size: [6, 0.6], value: (row) => row.entry.collection_version },
      { title: "Hosts", size: [8, 1.4], value: (row) => -row.names.length, cell: (row) => hostList(row.names) },
    ], rows));
  }

  function showSystems() {
    const rows = hosts.filter((host) => host.platform || host.ascend)
      .map((host) => ({ names: [host.name], name: host.name, platform: host.platform || {}, ascend: host.ascend || {} }));
    if (!rows.length) {
      byId("systems").append(make("p", { class: "quiet" }, "No host could be examined."));
      return;
    }
    const agreement = ({ ascend }) => (ascend.agree === true ? "yes" : ascend.agree === false ? "no" : null);
    byId("systems").append(makeTable("Systems", [
      { title: "Host", kind: "host", size: NAME, value: (row) => row.name },
      { title: "System", size: [9, 1.5], value: (row) => row.platform.os },
      { title: "Architecture", size: [6.5, 0.8], value: (row) => row.platform.arch },
      { title: "C library", size: [6, 0.8], value: (row) => row.platform.libc },
      { title: "Cores", kind: "number", size: [4, 0.5], value: (row) => row.platform.cores },
      {
        title: "Memory", kind: "number", size: [6, 0.7], value: (row) => row.platform.memory_mib,
        cell: ({ platform }) => (platform.memory_mib ? `${(platform.memory_mib / 1024).toFixed(1)} GiB` : null),
      },
      { title: "Python", size: [5, 0.6], value: (row) => row.platform.python },
      { title: "CANN", size: [5, 0.7], value: (row) => row.ascend.cann },
      { title: "Driver", size: [5, 0.7], value: (row) => row.ascend.driver },
      { title: "Firmware", size: [8, 1], value: (row) => row.ascend.firmware },
      {
        title: "They agree", kind: "state", size: [6.5, 0.7], value: agreement,
        cell: (row) => (agreement(row) ? badge(row.ascend.agree ? "good" : "bad", agreement(row)) : null),
      },
      { title: "npu-smi", size: [9, 1.5], value: (row) => row.ascend.npu_smi, cell: (row) => row.ascend.npu_smi || "answers" },
    ], rows));
  }

  // --- all of it ----------------------------------------------------------------------------------------------------

  showVerdict();
  showFindings();
  showHosts();
  showNpus();
  showBuilds();
  showProducts();
  showSystems();
  applyFilter();
  byId("report").hidden = false;

  byId("form").addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("input", applyFilter);

  // Paper cannot be opened: all of it is, while printing.
  let opened = [];
  addEventListener("beforeprint", () => {
    for (const fill of later) fill();
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    opened = [];
  });
})();
