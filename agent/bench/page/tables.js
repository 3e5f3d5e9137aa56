// Every figure, as tables; the machine and the method; what has no figure.
"use strict";

const interval = (value, decimals) =>
  (Array.isArray(value) ? value.map((one) => number(one, decimals)).join("–") : undefined);

// Columns: {field, head, decimals} or {field, head, of: (row) => value, show: (value) => words}.
const ROW_COLUMNS = [
  {field: "us_per_request", head: "µs per request", decimals: 2},
  {field: "us_interval", head: "95 % interval", show: (value) => interval(value, 2)},
  {field: "ratio_to_direct", head: "ratio to direct", decimals: 3},
  {field: "ratio_interval", head: "95 % interval", show: (value) => interval(value, 3)},
  {field: "added_us", head: "added µs", decimals: 2},
  {field: "spread", head: "spread", show: (value) => `${number(value * 100, 1)} %`},
  {field: "requests", head: "requests", decimals: 0},
  {field: "rate", head: "offered per s", decimals: 0},
  {field: "loop", head: "loop", isText: true},
  {field: "p50_us", head: "p50 µs, median of rounds", decimals: 1},
  {field: "p99_us", head: "p99 µs, median of rounds", decimals: 1},
  ...[["p50", "p50"], ["p90", "p90"], ["p99", "p99"], ["p999", "p99.9"], ["max", "max"], ["mean", "mean"]].map(
    ([key, words]) =>
      ({field: `latency_us.${key}`, head: `${words} µs, all rounds`, decimals: 1, of: (row) => row.latency_us?.[key]})),
  {field: "latency_us.count", head: "latencies counted", decimals: 0, of: (row) => row.latency_us?.count},
  {field: "softirq_us", head: "softirq µs per request", decimals: 2},
  {
    field: "indistinguishable_from",
    head: "not told apart from",
    isText: true,
    show: (value) => [value].flat().join(", ")
  },
];

function costColumns() {
  const names = (field) => distinct(rows.flatMap((row) => Object.keys(objectOf(row[field])))).sort(byProcess);
  const column = (field, head, of, decimals) => ({field, head, of, decimals});
  return [
    ...names("cpu").flatMap((name) => [["user_us", "user"], ["system_us", "kernel"]].map(([part,
      words]) => column(`cpu.${name}.${part}`, `${name}, ${words} µs`, (row) => row.cpu?.[name]?.[part], 3))),
    ...names("cpu_us_per_request")
      .map(
        (name) => column(`cpu_us_per_request.${name}`, `${name}, CPU µs`, (row) => row.cpu_us_per_request?.[name], 3)),
    ...names("context_switches")
      .map((name) =>
             column(`context_switches.${name}`, `${name}, context switches`, (row) => row.context_switches?.[name], 3)),
    ...names("syscalls")
      .map((name) => column(`syscalls.${name}`, `${name}, system calls`, (row) => row.syscalls?.[name], 2)),
  ];
}

// `records`: objects; `lead`: the columns at the left that name a line. A column that no record fills is left out.
function table(caption, records, {lead, columns, group}) {
  const valueOf = (record, column) => (column.of ? column.of(record) : record[column.field]);
  const isThere = (value) => (typeof value === "number" ? isNumber(value) :
      Array.isArray(value)                              ? value.length > 0 :
                                                          typeof value === "string");
  const kept = columns.filter((column) => records.some((record) => isThere(valueOf(record, column))));
  const head = make("tr", "", ...[...lead, ...kept].map((column) => {
    const cell = make("th", column.isText ? "text" : "", column.head);
    cell.scope = "col";
    return cell;
  }));
  const cellOf = (record, column, isHead) => {
    const value = valueOf(record, column);
    const words = !isThere(value) ? "–" :
      column.show                 ? column.show(value) :
      typeof value === "number"   ? number(value, column.decimals ?? 0) :
                                    String(value);
    const cell = make(isHead ? "th" : "td", column.isText ? "text" : "", words);
    if (isHead) {
      cell.scope = "row";
    }
    for (const [key, one] of [["path", record.path], ["load", record.load], ["placement", record.placement],
           ["field", column.field],
           ["value", isThere(value) && column.field !== "" ? JSON.stringify(value) : undefined]]) {
      if (one !== undefined) {
        cell.dataset[key] = one;
      }
    }
    return cell;
  };
  const body = make("tbody");
  records.forEach((record, at) => {
    if (group && (at === 0 || group(record) !== group(records[at - 1]))) {
      const cell = make("th", "text group", make("span", "", group(record)));
      cell.colSpan = lead.length + kept.length;
      cell.scope = "rowgroup";
      body.append(make("tr", "", cell));
    }
    body.append(make("tr", "", ...lead.map((column) => cellOf(record, column, true)),
      ...kept.map((column) => cellOf(record, column, false))));
  });
  const box = make("div", "scroll", make("table", "", make("caption", "", caption), make("thead", "", head), body));
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", caption);
  return kept.length ? box : null;
}

const PATH_COLUMN = {
  field: "path",
  head: "path",
  isText: true
};
const loadWords = (row) => `${row.load}: ${wordsOfSet(row)}`;

function ladderTable() {
  const steps = climbs.flatMap((climb) => climb.steps.map((step) => ({
    ...step,
    path: climb.path,
    placement: climb.placement,
    load: `ladder-c${climb.connections}`,
    saturated_per_s: climb.saturated_per_s
  })));
  const column = (field, head, decimals) => ({field, head, decimals});
  return steps.length ? table("Steps of the offered rate", steps, {
    lead: [PATH_COLUMN],
    columns: [
      column("offered_per_s", "offered per s", 0), column("achieved_per_s", "answered per s", 0),
      ...["p50", "p90", "p99", "p999", "max"].map(
        (key) => column(`${key}_us`, `${key.replace("p999", "p99.9")} µs`, 1)),
      column("unanswered", "unanswered", 0), column("saturated_per_s", "saturated per s", 0)
    ]
  }) :
                        null;
}

function memoryTable() {
  const column = (when, kind) => ({
    field: `${when}.${kind}_kib`,
    head: `${kind.toUpperCase()} ${when.replace("_", " ")}, KiB`,
    of: (one) => one[when]?.[`${kind}_kib`]
  });
  const records = Object.entries(objectOf(report.memory))
                    .filter(([, one]) => one && typeof one === "object")
                    .sort(([a], [b]) => byProcess(a, b))
                    .map(([process, one]) => ({process, ...one}));
  return records.length ? table("Memory by process", records, {
    lead: [{field: "process", head: "process", isText: true}],
    columns: ["idle", "under_load"].flatMap((when) => ["rss", "pss"].map((kind) => column(when, kind)))
  }) :
                          null;
}

function tablesSection() {
  const tables = [
    rows.length ? table("Time and latency", rows, {lead: [PATH_COLUMN], columns: ROW_COLUMNS, group: loadWords}) : null,
    rows.length ?
      table("Per request, by process", rows, {lead: [PATH_COLUMN], columns: costColumns(), group: loadWords}) :
      null,
    ladderTable(),
    memoryTable(),
  ].filter(Boolean);
  return tables.length ? {title: "Every figure", id: "figures", content: tables} : null;
}

const KEYS = {
  cpu: "CPU",
  cpus: "CPUs",
  measured_cpus: "CPUs measured on",
  is_virtual: "virtual machine",
  memory_mib: "memory, MiB",
  load_average: "load average before",
  clock_source: "clock",
  duration_ms: "length of a slice, ms",
  body_bytes: "body, bytes",
  command_line: "command"
};
const keyWords = (key) => KEYS[key] ?? key.replaceAll("_", " ");
function valueWords(key, value) {
  if (value === null) {
    return key === "governor" ? "none" : "unknown";
  }
  if (typeof value === "boolean") {
    return value ? "yes" : "no";
  }
  if (isNumber(value) && key !== "seed") {
    return number(value, Number.isInteger(value) ? 0 : 2);
  }
  if (Array.isArray(value)) {
    return value.join(key === "command_line" ? " " : ", ");
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function pairs(title, object, absent) {
  const entries = Object.entries(objectOf(object));
  const list = make("dl", "pairs",
    ...entries.flatMap(([key, value]) => [make("dt", "", absent ? key : keyWords(key)),
                         make("dd", "", absent && value === null ? absent : valueWords(key, value))]));
  return entries.length ? make("div", "", make("h3", "", title), list) : null;
}

function machineSection() {
  const {versions, ...machine} = objectOf(report.machine);
  const parts =
    [pairs("Machine", machine), pairs("Method", report.method), pairs("Versions", versions, "not installed")].filter(
      Boolean);
  const counted = objectOf(report.prometheus);
  if (isNumber(counted.sent)) {
    const same = [counted.scraped_source, counted.scraped_destination].every((one) => one === counted.sent);
    parts.push(make("div", "", make("h3", "", "Counted by Prometheus"),
      make("p", "",
        `${plural(counted.sent, "request")} sent; ` +
          `Prometheus${counted.version ? ` ${counted.version}` : ""} read ${
            number(counted.scraped_source ?? 0)} at the source and ` +
          `${number(counted.scraped_destination ?? 0)} at the destination${same ? ": the same" : ": NOT the same"}.`)));
  }
  return parts.length ? {title: "Machine and method", id: "machine", content: [make("div", "cards", ...parts)]} : null;
}

function notMeasuredSection() {
  const cells = listOf(report.not_measured);
  const text = (field, head) => ({field, head, isText: true});
  return cells.length ? {
    title: "What was not measured, and why",
    id: "not-measured",
    content: [table("Cells without a figure",
      cells.map((cell) => ({...cell, why: cell.why === "missing" ? "not there" : cell.why})), {
        lead: [PATH_COLUMN],
        columns: [text("load", "load"), text("placement", "placement"), text("why", "why"), text("reason", "reason")]
      })]
  } :
                        null;
}
