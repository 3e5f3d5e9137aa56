// The headline, and what each path adds to a request.
"use strict";

const RESAMPLES = 4000;
let choices = 0;
const rowsOfSet = (set) => rows.filter((row) => setOf(row) === set).sort((a, b) => byPath(a.path, b.path));
const measured = rows.filter((row) => isNumber(row.ratio_to_direct));

// Radio buttons over `options` [[value, words]], the first one chosen; `changed(value)` is called when another is.
function choice(what, options, changed) {
  const group = make("fieldset", "choice", make("legend", "", what));
  const name = `choice-${choices++}`;
  for (const [index, [value, words]] of options.entries()) {
    const button = make("input");
    Object.assign(button, {type: "radio", name, value, checked: index === 0});
    button.addEventListener("change", () => changed(value));
    group.append(make("label", "", button, make("span", "", words)));
  }
  group.hidden = options.length < 2;
  return group;
}

// The sets (placement and load) of some rows, as options of a choice.
const setsOf = (some) =>
  distinct(some.map(setOf)).map((set) => [set, wordsOfSet(some.find((row) => setOf(row) === set))]);

const median = (sorted) => (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;

// The interval of the median of what the rounds added, as the report has it for the ratio: percentile bootstrap, 95 %.
function addedInterval(row) {
  const added = listOf(row.rounds).map((round) => round.us_per_request - round.direct_us).filter(isNumber);
  if (added.length < 2 || row.path === "direct") {
    return null;
  }
  let state = 20250101;
  const draw = () => {  // mulberry32: the same page each time
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const medians = Float64Array
                    .from({length: RESAMPLES},
                      () => median(Float64Array.from(added, () => added[Math.floor(draw() * added.length)]).sort()))
                    .sort();
  return [medians[Math.floor(RESAMPLES * 0.025)], medians[Math.ceil(RESAMPLES * 0.975) - 1]];
}

function overheadBars(some, {value, interval, figure, title, unit, from, says}) {
  const paths = some.map((row) => row.path), shades = paths.map(colour);
  const intervals = some.map(interval), values = some.map(value);
  const most = Math.max(...values, ...intervals.flat().filter(isNumber));
  return {
    height: 64 + some.length * 34,
    says,
    config: {
      type: "bar",
      data: {
        labels: paths,
        datasets: [{
          label: title,
          data: values,
          backgroundColor: shades.map((shade, at) => (hasMtls(paths[at]) ? paler(shade) : shade)),
          borderColor: shades,
          borderWidth: 1,
          maxBarThickness: 18,
          intervals,
          figures: some.map(figure)
        }]
      },
      options: {
        indexAxis: "y",
        // Whisker and figure stand behind the bar, and are not part of the scale.
        layout: {padding: {right: 52}},
        scales: barAxes(title, {suggestedMax: most * 1.02}),
        plugins: {
          marks: {at: from === undefined ? [] : [{x: from}]},
          tooltip: {
            callbacks: {
              label: ({dataIndex: at}) => {
                const spans = intervals[at] ? `, 95 %: ${intervals[at].map((one) => number(one, 2)).join(" to ")}` : "";
                return ` ${number(values[at], 2)} ${unit}${spans}`;
              }
            }
          },
        },
      },
    },
  };
}

function ratioBars(some) {
  return overheadBars(some, {
    value: (row) => row.ratio_to_direct,
    interval: (row) => (Array.isArray(row.ratio_interval) && row.path !== "direct" ? row.ratio_interval : null),
    figure: (row) => times(row.ratio_to_direct),
    title: "multiple of direct",
    unit: "times direct",
    from: 1,
    says: `Ratio to direct: ${some.map((row) => `${row.path} ${number(row.ratio_to_direct, 2)}`).join(", ")}`,
  });
}

function addedBars(some) {
  // With direct, so that the lines of both charts are those of the same paths.
  const others = some.filter((row) => isNumber(row.added_us));
  return overheadBars(others, {
    value: (row) => row.added_us,
    interval: addedInterval,
    figure: (row) => short(row.added_us).replace("-", "−"),
    title: "added, µs",
    unit: "µs",
    says: `Added microseconds: ${others.map((row) => `${row.path} ${short(row.added_us)}`).join(", ")}`,
  });
}

// What the run cannot tell apart, one sentence per row that says so; without such a field, against direct only.
function alikeSentences(some) {
  const said = some.some((row) => Array.isArray(row.indistinguishable_from));
  const direct = some.find((row) => row.path === "direct");
  const sentences = some.flatMap((row, at) => {
    const others =
      some.filter((other, place) => (said ? place > at : row === direct) && other !== row && alike(row, other));
    return others.map((other) => `${other.path} and ${row.path} are not told apart by this run.`);
  });
  return sentences.length ? make("ul", "plain", ...sentences.map((words) => make("li", "", words))) : null;
}

function overheadSection() {
  if (!measured.length) {
    return null;
  }
  const ratio = chartFigure("Time of a request, as a multiple of no mesh");
  const added = chartFigure("Microseconds that are added to a request");
  const alikeBox = make("div", "note");
  let set = setOf(measured[0]);
  const change = (chosen) => {
    set = chosen;
    const some = rowsOfSet(set).filter((row) => isNumber(row.ratio_to_direct));
    draw("overhead", ratio.canvas, () => ratioBars(some));
    drawIf(some.some((row) => isNumber(row.added_us)), "added", added, () => addedBars(some));
    alikeBox.replaceChildren(...[alikeSentences(rowsOfSet(set))].filter(Boolean));
  };
  const paths = distinct(measured.map((row) => row.path)).sort(byPath).filter(explained);
  const meanings =
    make("dl", "meanings", ...paths.flatMap((path) => [make("dt", "", path), make("dd", "", explained(path))]));
  return {
    title: "What each path adds",
    id: "overhead",
    ready: () => change(set),
    content: [
      make("p", "", "Whiskers: 95 % intervals. Each ratio is taken within a round, against direct in the same round."),
      choice("Load", setsOf(measured), change), make("div", "pair", ratio.figure, added.figure), alikeBox,
      make("details", "", make("summary", "", "What the paths are"), meanings)
    ]
  };
}

// The sentence over everything, of the first load that has what it is about.
function headline() {
  const find = (set, path) => rowsOfSet(set).find((row) => row.path === path && isNumber(row.added_us));
  const sets = setsOf(measured).map(([set]) => set);
  const set = sets.find((one) => find(one, "node-http") && find(one, "sidecar-pair")) ??
    sets.find((one) => find(one, "node-http") || find(one, "sidecar-pair"));
  if (set === undefined) {
    return null;
  }
  const direct = rowsOfSet(set).find((row) => row.path === "direct");
  const node = find(set, "node-http"), pair = find(set, "sidecar-pair");
  const adds = (row, who) =>
    (row.added_us <= 0 || (direct && alike(row, direct)) ? `${who} adds nothing that this run can show` :
                                                           `${who} adds ${time(row.added_us)}`);
  const parts = [
    node && `${adds(node, "the node proxy")} to a request`,
    pair && `${adds(pair, "a sidecar pair")}${node ? "" : " to a request"}`
  ].filter(Boolean);
  const words = `${parts.join("; ")}.`;
  return {words: words[0].toUpperCase() + words.slice(1), set, direct, node, pair};
}
