// Latency: percentile curves of a load, and percentiles against the offered rate.
"use strict";

const MARKED = [[0.5, "50 %"], [0.9, "90 %"], [0.99, "99 %"], [0.999, "99.9 %"], [0.9999, "99.99 %"]];
const NAMED = [["p50", 0.5], ["p90", 0.9], ["p99", 0.99], ["p999", 0.999]];
const percent = (q) => `${Number((q * 100).toFixed(4))} %`;

// [[quantile, us]], below the maximum, which has no place on this scale.
function curveOf(row) {
  const curve = Array.isArray(row.curve) ? row.curve.filter((point) => Array.isArray(point)) : [];
  const named = NAMED.map(([name, q]) => [q, row.latency_us?.[name]]);
  return (curve.length ? curve : named).filter(([q, us]) => isNumber(q) && q < 1 && isNumber(us) && us > 0);
}

function curves(some) {
  const far = Math.max(1000, ...some.flatMap((row) => curveOf(row).map(([q]) => 1 / (1 - q))));
  return {
    height: isNarrow() ? 420 : 430,
    says: `Latency at the 50th and 99th percentile, microseconds: ${
      some.map((row) => `${row.path} ${short(nearest(row, 0.5))} and ${short(nearest(row, 0.99))}`).join(", ")}`,
    config: {
      type: "line",
      data: {
        datasets:
          some.map((row) => lineOf(row.path, curveOf(row).map(([q, us]) => ({x: 1 / (1 - q), y: us, q})),
                     {pointRadius: ({raw}) => (MARKED.some(([q]) => Math.abs((raw?.q ?? 0) - q) < 1e-6) ? 3 : 0)}))
      },
      options: {
        interaction: {mode: "nearest", intersect: false},
        scales: {
          x: axis("percentile", {
            type: "logarithmic",
            min: 1,
            max: far * 1.1,
            afterBuildTicks: (scale) => {
              scale.ticks = MARKED.map(([q]) => ({value: 1 / (1 - q)})).filter(({value}) => value <= far * 1.1);
            },
            ticks: {
              autoSkip: false,
              callback: (value) => MARKED.find(([q]) => Math.abs(1 / (1 - q) - value) < value * 1e-6)?.[1] ?? ""
            }
          }),
          y: timeAxis("latency, µs (log scale)"),
        },
        plugins: {
          legend: {display: true, ...legend()},
          tooltip: {
            callbacks:
              {title: ([{raw}]) => percent(raw.q), label: ({dataset, raw}) => ` ${dataset.label}: ${time(raw.y)}`}
          }
        },
      },
    },
  };
}

function nearest(row, quantile) {
  return curveOf(row).reduce(
    (best, point) => (Math.abs(point[0] - quantile) < Math.abs(best[0] - quantile) ? point : best))[1];
}

function latencySection() {
  const curved = rows.filter((row) => curveOf(row).length > 1);
  if (!curved.length) {
    return null;
  }
  // A schedule of arrivals says more about latency than a closed loop does.
  const isOpen = (row) => row.loop === "open" || isNumber(row.rate);
  const ordered = [...curved.filter(isOpen), ...curved.filter((row) => !isOpen(row))];
  const {figure, canvas, note} = chartFigure("Time within which a share of the requests is answered");
  let set = setOf(ordered[0]);
  const change = (chosen) => {
    set = chosen;
    const some = rowsOfSet(set).filter((row) => curveOf(row).length > 1);
    note.textContent = isOpen(some[0]) ?
      "Open loop: requests are due at a fixed rate, and latency counts from when each was due." :
      "Closed loop: the next request waits for the answer, so these say nothing about a schedule of arrivals.";
    draw("percentiles", canvas, () => curves(rowsOfSet(set).filter((row) => curveOf(row).length > 1)));
  };
  return {
    title: "Latency, percentile by percentile",
    id: "latency",
    ready: () => change(set),
    content: [choice("Load", setsOf(ordered), change), figure]
  };
}

const climbs = named(report.ladder, "path")
                 .map((climb) => ({...climb, steps: listOf(climb.steps)}))
                 .filter((climb) => climb.steps.some((step) => isNumber(step.offered_per_s)));
const climbSet = (climb) => `${climb.placement} ${climb.connections}`;
const keptUp = (step) => step.carried !== false && !(step.unanswered > 0);

function ladderLines(some, field, words, [low, high]) {
  const line = (climb) => {
    const steps = climb.steps.filter((step) => isNumber(step[field]) && step[field] > 0);
    return lineOf(climb.path, steps.map((step) => ({x: step.offered_per_s, y: step[field], step})), {
      pointBackgroundColor: ({raw}) => (!raw || keptUp(raw.step) ? colour(climb.path) : ink("paper")),
      pointRadius: isNarrow() ? 2.5 : 3.5,
      pointBorderWidth: 1.5
    });
  };
  const last = (climb) => climb.steps.filter(keptUp).at(-1);
  return {
    height: isNarrow() ? 420 : 380,
    says: `${words} latency at the highest rate that was kept up with: ${
      some
        .map((climb) => (last(climb) ?
                 `${climb.path} ${time(last(climb)[field])} at ${number(last(climb).offered_per_s)} per second` :
                 `${climb.path} none`))
        .join(", ")}`,
    config: {
      type: "line",
      data: {datasets: some.map(line)},
      options: {
        interaction: {mode: "nearest", intersect: false},
        scales: {
          x: axis("offered, requests/s", {
            type: "linear",
            beginAtZero: true,
            ticks: {maxTicksLimit: isNarrow() ? 5 : 7, callback: (value) => number(value)}
          }),
          y: timeAxis(`${words}, µs (log scale)`, {min: low, max: high})
        },
        plugins: {
          legend: {display: true, ...legend()},
          tooltip: {
            callbacks: {
              title: ([{raw}]) => `${number(raw.step.offered_per_s)} requests/s offered`,
              label: ({dataset, raw}) => ` ${dataset.label}: ${time(raw.y)}`,
              afterLabel: ({raw}) =>
                (keptUp(raw.step) ? "" :
                                    `not kept up: ${number(raw.step.achieved_per_s ?? 0)} requests/s ` +
                      `answered, ${number(raw.step.unanswered ?? 0)} left unanswered`)
            }
          }
        },
      },
    },
  };
}

function saturationBars(some) {
  const paths = some.map((climb) => climb.path), shades = paths.map(colour);
  return {
    height: 64 + some.length * 30,
    says: `Requests per second at saturation: ${
      some.map((climb) => `${climb.path} ${number(climb.saturated_per_s)}`).join(", ")}`,
    config: {
      type: "bar",
      data: {
        labels: paths,
        datasets: [{
          label: "requests/s",
          data: some.map((climb) => climb.saturated_per_s),
          backgroundColor: shades,
          maxBarThickness: 16,
          figures: some.map((climb) => number(climb.saturated_per_s))
        }]
      },
      options: {indexAxis: "y", layout: {padding: {right: 56}}, scales: barAxes("requests/s")}
    },
  };
}

function ladderSection() {
  if (!climbs.length) {
    return null;
  }
  const middle = chartFigure("Half of the requests are faster than this (p50)");
  const tail = chartFigure("One request in a hundred is slower than this (p99)");
  const most = chartFigure("Most requests per second that were answered");
  const words = (climb) =>
    plural(climb.connections ?? 0, "connection") + (placements.length > 1 ? ` (${climb.placement})` : "");
  let set = climbSet(climbs[0]);
  const change = (chosen) => {
    set = chosen;
    const some = climbs.filter((climb) => climbSet(climb) === set).sort((a, b) => byPath(a.path, b.path));
    const all = (field) => some.flatMap((climb) => climb.steps.map((step) => step[field])).filter((us) => us > 0);
    const both = [...all("p50_us"), ...all("p99_us")];
    const bounds = [10 ** Math.floor(Math.log10(Math.min(...both))), Math.max(...both) * 1.2];
    drawIf(all("p50_us").length, "ladder-p50", middle, () => ladderLines(some, "p50_us", "p50", bounds));
    drawIf(all("p99_us").length, "ladder-p99", tail, () => ladderLines(some, "p99_us", "p99", bounds));
    const known = some.filter((climb) => isNumber(climb.saturated_per_s));
    drawIf(known.length, "saturation", most, () => saturationBars(known));
  };
  return {
    title: "Latency against the offered rate",
    id: "ladder",
    ready: () => change(set),
    content: [
      make("p", "", "Both charts have the same scale. Hollow points: the path did not keep up with what was offered."),
      choice("Connections",
        distinct(climbs.map(climbSet)).map((one) => [one, words(climbs.find((climb) => climbSet(climb) === one))]),
        change),
      make("div", "pair", middle.figure, tail.figure), most.figure
    ]
  };
}
