// What it costs: CPU time per request by who spends it, and memory.
"use strict";

const PROCESSES = ["client", "server", "client-sidecar", "server-sidecar", "node-proxy", "relay", "agent"];
const byProcess = (a, b) => {
  const place = (name) => (PROCESSES.includes(name) ? PROCESSES.indexOf(name) : PROCESSES.length);
  return place(a) - place(b) || a.localeCompare(b);
};

// {process: {user, system} or {both}}, us per request.
function cpuOf(row) {
  const split =
    Object.entries(objectOf(row.cpu)).filter(([, one]) => isNumber(one?.user_us) || isNumber(one?.system_us));
  if (split.length) {
    return Object.fromEntries(split.map(([name, one]) => [name, {user: one.user_us ?? 0, system: one.system_us ?? 0}]));
  }
  const whole = Object.entries(objectOf(row.cpu_us_per_request)).filter(([, one]) => isNumber(one));
  return Object.fromEntries(whole.map(([name, both]) => [name, {both}]));
}
const cpuSum = (row) => Object.values(cpuOf(row)).reduce((sum, one) => sum + (one.both ?? one.user + one.system), 0);

function cpuBars(some) {
  const names = distinct(some.flatMap((row) => Object.keys(cpuOf(row)))).sort(byProcess);
  const PARTS = [["both", "", (hex) => hex], ["user", ", user", (hex) => hex], ["system", ", kernel", paler]];
  const datasets = names
                     .flatMap((name) => PARTS.map(([part, words, shade]) => ({
                       label: name + words,
                       process: name,
                       data: some.map((row) => cpuOf(row)[name]?.[part] ?? null),
                       backgroundColor: shade(colour(name)),
                       borderColor: ink("paper"),
                       borderWidth: {right: 1},
                       maxBarThickness: 20,
                     })))
                     .filter(({data}) => data.some((value) => value !== null));
  const last = datasets.at(-1);
  last.figures = some.map((row) => short(cpuSum(row)));
  return {
    height: (isNarrow() ? 130 : 100) + some.length * 34,
    says: `CPU time per request, microseconds: ${some.map((row) => `${row.path} ${short(cpuSum(row))}`).join(", ")}`,
    config: {
      type: "bar",
      data: {labels: some.map((row) => row.path), datasets},
      options: {
        indexAxis: "y",
        layout: {padding: {right: 46}},
        interaction: {mode: "nearest", intersect: true},
        scales: barAxes("CPU time per request, µs", {stacked: true}),
        plugins: {
          legend: {
            display: true,
            ...legend({onClick: () => {}}),
            labels: {
              ...legend().labels,
              usePointStyle: false,
              boxWidth: 12,
              filter: ({text}) => !text.endsWith(", kernel"),
              generateLabels: (chart) => Chart.defaults.plugins.legend.labels.generateLabels(chart)
                .map((one) => ({...one, text: one.text.replace(/, user$/, ""), lineWidth: 0}))
                .filter(({text}) => !text.endsWith(", kernel"))
            }
          },
          tooltip: {callbacks: {label: ({dataset, raw}) => ` ${dataset.label}: ${number(raw, 2)} µs`}},
        },
      },
    },
  };
}

function cpuSection() {
  const known = rows.filter((row) => Object.keys(cpuOf(row)).length);
  if (!known.length) {
    return null;
  }
  const {figure, canvas, note} = chartFigure("Who spends it");
  const isSplit = known.some((row) => Object.values(cpuOf(row)).some((one) => one.both === undefined));
  note.textContent = (isSplit ? "Full colour: in the program. Pale: in the kernel. " : "") +
    "Work that the kernel does for one process while another runs is counted with the latter.";
  let set = setOf(known[0]);
  const change = (chosen) => {
    set = chosen;
    draw("cpu", canvas, () => cpuBars(rowsOfSet(set).filter((row) => Object.keys(cpuOf(row)).length)));
  };
  return {
    title: "CPU time per request",
    id: "cpu",
    ready: () => change(set),
    content: [choice("Load", setsOf(known), change), figure]
  };
}

function memoryBars(names) {
  const kib = (name, when) => report.memory[name][when]?.pss_kib;
  const mebibytes = (value) => (isNumber(value) ? short(value / 1024) : "unknown");
  const set = (when, words, shade) => {
    const values = names.map((name) => kib(name, when));
    return {
      label: words,
      data: values.map((one) => (isNumber(one) ? one / 1024 : null)),
      maxBarThickness: 14,
      backgroundColor: names.map((name) => shade(colour(name))),
      borderColor: names.map(colour),
      borderWidth: 1,
      figures: values.map((one) => (isNumber(one) ? short(one / 1024) : ""))
    };
  };
  return {
    height: 80 + names.length * 48,
    says: `Memory (PSS), MiB, idle and under load: ${
      names.map((name) => `${name} ${mebibytes(kib(name, "idle"))} and ${mebibytes(kib(name, "under_load"))}`)
        .join(", ")}`,
    config: {
      type: "bar",
      data: {labels: names, datasets: [set("idle", "idle", paler), set("under_load", "under load", (hex) => hex)]},
      options: {
        indexAxis: "y",
        layout: {padding: {right: 42}},
        scales: barAxes("MiB (PSS)"),
        plugins: {tooltip: {callbacks: {label: ({dataset, raw}) => ` ${dataset.label}: ${number(raw, 2)} MiB`}}}
      },
    },
  };
}

// Lines of memory against a count. `lines`: [{name, label, points: [{x, y}], dashed}], y in KiB.
function memoryLines(lines, {title, height}) {
  return {
    height,
    says: `MiB against ${title}: ${
      lines
        .map((line) => `${line.label}: ${line.points.map(({x, y}) => `${short(y / 1024)} at ${number(x)}`).join(", ")}`)
        .join("; ")}`,
    config: {
      type: "line",
      data: {
        datasets: lines.map(
          (line) => lineOf(line.name, line.points.map(({x, y}) => ({x, y: y / 1024})),
            {label: line.label, ...(line.dashed && {borderDash: [5, 4], pointBackgroundColor: ink("paper")})}))
      },
      options: {
        interaction: {mode: "nearest", intersect: false},
        scales: {
          x: axis(title, {type: "linear", beginAtZero: true, ticks: {maxTicksLimit: 7}}),
          y: axis("MiB", {beginAtZero: true})
        },
        plugins: {
          legend: {display: true, ...legend()},
          tooltip: {
            callbacks: {
              title: ([{raw}]) => `${number(raw.x)} ${title}`,
              label: ({dataset, raw}) => ` ${dataset.label}: ${number(raw.y, 2)} MiB`
            }
          }
        },
      },
    },
  };
}

function linesByPods() {
  const some = named(report.memory_by_pods, "mode").filter((one) => isNumber(one.pods) && isNumber(one.proxies_kib));
  return distinct(some.map((one) => one.mode)).flatMap((mode) => {
    const points = some.filter((one) => one.mode === mode).sort((a, b) => a.pods - b.pods);
    const whole = points.filter((one) => isNumber(one.agent_kib));
    return [
      {name: mode, label: `${mode} mode, proxies`, points: points.map((one) => ({x: one.pods, y: one.proxies_kib}))}, {
        name: mode,
        label: `${mode} mode, with the agent`,
        dashed: true,
        points: whole.map((one) => ({x: one.pods, y: one.proxies_kib + one.agent_kib}))
      }
    ].filter((line) => line.points.length);
  });
}

function linesByConnections() {
  const some =
    named(report.memory_by_connections, "path").filter((one) => isNumber(one.connections) && isNumber(one.proxies_kib));
  return distinct(some.map((one) => one.path)).sort(byPath).map((path) => ({
    name: path,
    label: path,
    points: some.filter((one) => one.path === path)
      .sort((a, b) => a.connections - b.connections)
      .map((one) => ({x: one.connections, y: one.proxies_kib + (one.socket_kib ?? 0)}))
  }));
}

// KiB for one more, between the fewest and the most that were measured.
function slope({points}) {
  const first = points[0], last = points.at(-1);
  return last.x > first.x ? (last.y - first.y) / (last.x - first.x) : null;
}

function memorySection() {
  const names = Object.entries(objectOf(report.memory))
                  .filter(([, one]) => one?.idle || one?.under_load)
                  .map(([name]) => name)
                  .sort(byProcess);
  const pods = linesByPods(), connections = linesByConnections(), content = [], drawn = [];
  const add = (name, title, drawing, words) => {
    const {figure, canvas, note} = chartFigure(title);
    note.textContent = words ?? "";
    drawn.push(() => draw(name, canvas, drawing));
    content.push(figure);
  };
  const each = (lines, what) => {
    const known = lines.filter((line) => isNumber(slope(line)));
    return known.length ?
      `For each further ${what}: ${known.map((line) => `${line.label} ${short(slope(line))} KiB`).join("; ")}.` :
      "";
  };
  if (names.length) {
    add("memory", "Each process", () => memoryBars(names), "Pale: idle. Full colour: under load.");
  }
  const height = 340;
  if (pods.length) {
    const proxies = pods.filter((line) => !line.dashed);
    add("memory-pods", "All proxies of a node, by pods", () => memoryLines(pods, {title: "pods", height}),
      each(proxies, "pod"));
  }
  if (connections.length) {
    add("memory-connections", "Proxies and their sockets, by open connections",
      () => memoryLines(connections, {title: "connections", height}), each(connections, "connection"));
  }
  // Side by side what is drawn against a count.
  const whole = names.length ? content.splice(0, 1) : [];
  return drawn.length ? {
    title: "Memory",
    id: "memory",
    ready: () => drawn.forEach((one) => one()),
    content: [...whole, make("div", "pair", ...content)]
  } :
                        null;
}
