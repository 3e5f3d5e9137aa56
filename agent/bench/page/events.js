// Latency while something happens to the proxies: one chart per scenario.
"use strict";

const SCENARIOS = {
  "mode-switch": "A pod is switched from one mode to another",
  "proxy-killed": "The proxy is killed",
  "proxy-upgraded": "The proxy is replaced by a new version",
};
const arrows = (words) => String(words).replaceAll("->", "→");
const seconds = (ms) => `${number(ms / 1000, ms % 100 === 0 ? 1 : 2)} s`;
const gap = (ms) => (ms >= 1000 ? `${number(ms / 1000, 2)} s` : `${short(ms)} ms`);

function outcome(event) {
  const sent = listOf(event.bins).reduce((sum, bin) => sum + (bin.count ?? 0), 0);
  const lost = isNumber(event.lost) &&
    (sent ? `${number(event.lost)} of ${plural(sent, "request")} lost` : `${plural(event.lost, "request")} lost`);
  return [
    lost, isNumber(event.longest_gap_ms) && `longest gap without an answer ${gap(event.longest_gap_ms)}`,
    isNumber(event.rate_per_s) && `${number(event.rate_per_s)} requests/s offered`
  ].filter(Boolean)
    .join(", ");
}

function eventLines(event, title) {
  const bins = listOf(event.bins).filter((bin) => isNumber(bin.t_ms));
  const points = (field) => bins.map((bin) => ({x: bin.t_ms / 1000, y: bin[field] > 0 ? bin[field] : null, bin}));
  const width = bins.length > 1 ? bins[1].t_ms - bins[0].t_ms : 0;
  const datasets = [
    lineOf("p50", points("p50_us"), {label: "p50", pointRadius: 0}),
    lineOf("max", points("max_us"), {label: "slowest", borderWidth: 1.25, pointRadius: 0}),
  ];
  const scales = {
    x: axis("time, s", {
      type: "linear",
      offset: false,
      min: bins[0].t_ms / 1000,
      max: (bins.at(-1).t_ms + width) / 1000,
      ticks: {maxTicksLimit: isNarrow() ? 6 : 12}
    }),
    y: timeAxis("latency, µs (log scale)"),
  };
  if (bins.some((bin) => bin.failed > 0)) {
    datasets.push({
      type: "bar",
      label: "failed requests",
      data: bins.map((bin) => ({x: bin.t_ms / 1000, y: bin.failed || null, bin})),
      yAxisID: "failed",
      backgroundColor: colour("failed"),
      barThickness: 6,
      pointStyle: "rect"
    });
    scales.failed = axis("failed requests", {
      position: "right",
      beginAtZero: true,
      grid: {drawOnChartArea: false},
      suggestedMax: 2 * Math.max(...bins.map((bin) => bin.failed ?? 0)),
      ticks: {precision: 0}
    });
  }
  return {
    height: 320,
    says: `${title}: ${outcome(event)}`,
    config: {
      type: "line",
      data: {datasets},
      options: {
        spanGaps: false,
        layout: {padding: {top: 4}},
        interaction: {mode: "index", intersect: false},
        scales,
        plugins: {
          legend: {display: true, ...legend({labels: {padding: 14}})},
          marks: {at: listOf(event.marks).map((mark, at) => ({x: mark.t_ms / 1000, label: String(at + 1)}))},
          tooltip: {
            callbacks: {
              title: ([one]) => `${seconds(one.raw.bin.t_ms)}: ${number(one.raw.bin.count ?? 0)} due`,
              label: ({dataset, raw}) =>
                (dataset.yAxisID ? ` ${raw.y ?? 0} failed` : ` ${dataset.label}: ${time(raw.y)}`)
            }
          },
        },
      },
    },
  };
}

function eventsSection() {
  const events =
    named(report.events, "scenario").filter((event) => listOf(event.bins).some((bin) => isNumber(bin.t_ms)));
  if (!events.length) {
    return null;
  }
  const drawn = [];
  const content = events.map((event, at) => {
    const title = SCENARIOS[event.scenario] ?? String(event.scenario);
    const {figure, heading, canvas, note} = chartFigure(title);
    heading.after(make("p", "outcome", `${outcome(event)}.`));
    note.append(make("ol", "marks",
      ...listOf(event.marks).map((mark) => make("li", "", `${arrows(mark.what)}, at ${seconds(mark.t_ms ?? 0)}`))));
    const again = events.slice(0, at).filter((other) => other.scenario === event.scenario).length;
    drawn.push(
      () => draw(`event-${event.scenario}${again ? `-${again + 1}` : ""}`, canvas, () => eventLines(event, title)));
    return figure;
  });
  return {
    title: "While things change",
    id: "events",
    ready: () => drawn.forEach((one) => one()),
    content: [
      make("p", "", "Requests arrive at a fixed rate; latency counts from when each was due. Numbers: what was done."),
      ...content
    ]
  };
}
