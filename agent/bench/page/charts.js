// What all charts share: colours, the frame of a chart, intervals and marks drawn over it, redrawing.
"use strict";

// By path, the same in every chart: [light, dark]. Blue: the node; red and purple: sidecars of ours; green, yellow,
// olive: of others. Neighbours differ in lightness too, for eyes that do not tell the hues apart, and lines in their
// points.
const COLOURS = {
  "direct": ["#6b7280", "#9aa3b0"],
  "node-kernel": ["#4fb0e8", "#8cd0fa"],
  "node-kernel-accelerated": ["#1f9e9e", "#5fd0cc"],
  "node-http": ["#0a62a8", "#3f97e8"],
  "node-http-accelerated": ["#2f7fa8", "#6fb4f0"],
  "sidecar-pair": ["#d1530a", "#f2803a"],
  "sidecar-pair-accelerated": ["#b8480c", "#f5a06a"],
  "node-to-sidecar": ["#cc79a7", "#e6a3c8"],
  "sidecar-to-node": ["#8a2f62", "#c05c95"],
  "relay": ["#3d4654", "#c6ccd6"],
  "nginx-hop": ["#57b894", "#7ce0bd"],
  "haproxy-hop": ["#e8bd5a", "#f7dc94"],
  "envoy-hop": ["#a8a55a", "#d6d385"],
  "nginx-pair": ["#00865f", "#2bb98c"],
  "haproxy-pair": ["#dd9a00", "#f0c14a"],
  "envoy-pair": ["#7d7a1e", "#b9b64c"],
  "ztunnel-pair": ["#4b3fa0", "#9a8ff0"],
  // Processes have the colour of the path that they stand for.
  "client": ["#9aa1ac", "#8a93a0"],
  "server": ["#c3c8d0", "#5d6672"],
  "agent": ["#1f9e9e", "#5fd0cc"],
  "node-proxy": ["#0a62a8", "#3f97e8"],
  "client-sidecar": ["#d1530a", "#f2803a"],
  "server-sidecar": ["#f0a868", "#b8602a"],
  "node": ["#0a62a8", "#3f97e8"],
  "sidecar": ["#d1530a", "#f2803a"],
  "off": ["#6b7280", "#9aa3b0"],
  "p50": ["#0a62a8", "#3f97e8"],
  "max": ["#8a2f62", "#e6a3c8"],
  "failed": ["#b42318", "#ff7b6b"],
};
const INK = {
  text: ["#1b2430", "#e6e9ee"],
  muted: ["#5b6675", "#a0aab8"],
  grid: ["#e7eaee", "#2a313b"],
  line: ["#aab3bf", "#56606e"],
  paper: ["#ffffff", "#171c23"]
};
// By place in PATHS: shape and rotation, degrees.
const POINTS = [
  ["circle", 0], ["rect", 0], ["triangle", 90], ["rectRot", 0], ["rectRounded", 0], ["triangle", 0], ["triangle", 180],
  ["crossRot", 0], ["cross", 0], ["star", 0], ["triangle", 45], ["circle", 0], ["rectRot", 0], ["rect", 0],
  ["triangle", 270]
];

const darkness = matchMedia("(prefers-color-scheme: dark)");
let isPrinting = false;
const tone = (pair) => pair[darkness.matches && !isPrinting ? 1 : 0];
const ink = (name) => tone(INK[name]);
const colour = (name) => tone(COLOURS[name] ?? COLOURS[withoutMtls(name)] ?? INK.muted);

// Mixed with the paper, not transparent: no grid line shines through.
function paler(hex) {
  const parts = (one) => [1, 3, 5].map((at) => parseInt(one.slice(at, at + 2), 16));
  const paper = parts(ink("paper"));
  return `rgb(${parts(hex).map((one, at) => Math.round(0.48 * one + 0.52 * paper[at])).join(", ")})`;
}

const isNarrow = () => innerWidth < 600 && !isPrinting;

window.fairleadCharts = {};
const drawings = {};

// Intervals as whiskers, and a figure behind each bar. Of the dataset: `intervals` [[low, high] or null], `figures`.
const whiskers = {
  id: "whiskers",
  afterDatasetsDraw(chart) {
    const {ctx} = chart;
    chart.data.datasets.forEach((dataset, index) => {
      if (!dataset.figures || !chart.isDatasetVisible(index)) {
        return;
      }
      chart.getDatasetMeta(index).data.forEach((bar, at) => {
        const scale = chart.scales.x, interval = dataset.intervals?.[at];
        let end = Math.max(bar.x, bar.base);
        ctx.save();
        if (interval) {
          const [low, high] = interval.map((value) => scale.getPixelForValue(value));
          ctx.beginPath();
          ctx.moveTo(low, bar.y);
          ctx.lineTo(high, bar.y);
          for (const x of [low, high]) {
            ctx.moveTo(x, bar.y - 4);
            ctx.lineTo(x, bar.y + 4);
          }
          // With an edge, for bars that are as light as the whisker.
          for (const [shade, width] of [[ink("paper"), 3.5], [ink("text"), 1.25]]) {
            ctx.strokeStyle = shade;
            ctx.lineWidth = width;
            ctx.stroke();
          }
          end = Math.max(end, high);
        }
        ctx.fillStyle = ink("text");
        ctx.font = `500 12px ${Chart.defaults.font.family}`;
        ctx.textBaseline = "middle";
        ctx.fillText(dataset.figures[at], end + 8, bar.y);
        ctx.restore();
      });
    });
  },
};

// Vertical lines: options.plugins.marks.at = [{x, label}].
const marks = {
  id: "marks",
  afterDatasetsDraw(chart, _, {at}) {
    const {ctx, chartArea: area} = chart;
    let free = -Infinity;
    for (const {x, label} of at ?? []) {
      const px = Math.round(chart.scales.x.getPixelForValue(x)) + 0.5;
      ctx.save();
      ctx.strokeStyle = ink("muted");
      ctx.setLineDash([4, 3]);
      ctx.beginPath();
      ctx.moveTo(px, area.top);
      ctx.lineTo(px, area.bottom);
      ctx.stroke();
      if (label) {
        ctx.fillStyle = ink("text");
        ctx.font = `600 11px ${Chart.defaults.font.family}`;
        ctx.textAlign = "center";
        // Beside the one before, where that is too near to stand above its line.
        const place = Math.max(px, free);
        ctx.fillText(label, place, area.top - 6);
        free = place + 11;
      }
      ctx.restore();
    }
  },
};

// Air between legend and chart, which the library has no option for.
const air = {
  id: "air",
  beforeInit(chart) {
    const fit = chart.legend?.fit;
    if (fit) {
      chart.legend.fit = function() {
        fit.call(this);
        this.height += this.options.display ? 14 : 0;
      };
    }
  },
};

function axis(title, more = {}) {
  return {
    ...more,
    title: {display: true, text: title, color: ink("muted"), font: {size: 12}, ...more.title},
    ticks: {color: ink("muted"), maxRotation: 0, ...more.ticks},
    grid: {color: ink("grid"), borderColor: ink("line"), tickColor: "transparent", ...more.grid},
  };
}

// A logarithmic axis of times, with lines at 1, 2 and 5 only.
const timeAxis = (title, more = {}) => axis(title, {
  type: "logarithmic",
  afterBuildTicks: (scale) => {
    const lead = (value) => Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9));
    const wanted = scale.max / scale.min > 2000 ? [1] : [1, 2, 5];
    scale.ticks = scale.ticks.filter(({value}) => wanted.includes(lead(value)));
  },
  ...more,
  ticks: {callback: (value) => number(value, value < 1 ? 1 : 0), ...more.ticks},
});

// Names at the side, values along.
function barAxes(title, more = {}) {
  return {
    x: axis(title, {beginAtZero: true, ...more, ticks: {maxTicksLimit: isNarrow() ? 5 : 9, ...more.ticks}}),
    y: {
      stacked: more.stacked,
      grid: {display: false, borderColor: ink("line")},
      ticks: {color: ink("text"), autoSkip: false, font: {size: isNarrow() ? 11 : 12}}
    },
  };
}

function legend(more = {}) {
  return {
    position: "top",
    align: "start",
    ...more,
    labels: {
      color: ink("text"),
      usePointStyle: true,
      boxWidth: 8,
      boxHeight: 8,
      padding: isNarrow() ? 10 : 14,
      ...more.labels
    }
  };
}

function lineOf(path, points, more = {}) {
  const place = Math.max(0, Object.keys(PATHS).indexOf(withoutMtls(path))), shade = colour(path);
  const [pointStyle, pointRotation] = POINTS[place];
  // Dashed too: the line over all others, which a path that adds nothing lies under.
  const borderDash = hasMtls(path) ? [6, 3] : path === "direct" ? [3, 3] : [];
  return {
    label: path,
    data: points,
    borderColor: shade,
    backgroundColor: shade,
    pointBackgroundColor: shade,
    borderWidth: 2,
    pointRadius: 3,
    pointHoverRadius: 5,
    pointStyle,
    pointRotation,
    borderDash,
    ...more
  };
}

// Draws, and draws anew when the colours change. `configure()` gives {config, height, says}: Chart.js's configuration,
// the box's height in px, and the main figures in words.
function draw(name, canvas, configure) {
  drawings[name] = () => {
    window.fairleadCharts[name]?.destroy();
    const {config, height, says} = configure();
    canvas.parentElement.style.height = `${height}px`;
    canvas.setAttribute("aria-label", says);
    window.fairleadCharts[name] = new Chart(canvas, {
      ...config,
      plugins: [whiskers, marks, air],
      options: {
        maintainAspectRatio: false,
        ...(isPrinting && {devicePixelRatio: 2}),
        ...config.options,
        plugins: {legend: {display: false}, ...config.options?.plugins}
      },
    });
  };
  drawings[name]();
}

function undraw(name) {
  window.fairleadCharts[name]?.destroy();
  delete window.fairleadCharts[name];
  delete drawings[name];
}

// The same for a chart that is to be there only while there is something in it.
function drawIf(wanted, name, {figure, canvas}, configure) {
  figure.hidden = !wanted;
  if (wanted) {
    draw(name, canvas, configure);
  } else {
    undraw(name);
  }
}

function redrawAll() {
  Object.values(drawings).forEach((again) => again());
}

// A figure with its title, and the canvas in it. `level`: of the heading.
function chartFigure(title, level = 3) {
  const heading = make(`h${level}`, "chart-title", title), canvas = make("canvas");
  canvas.setAttribute("role", "img");
  const note = make("figcaption");
  const figure = make("figure", "chart", heading, make("div", "canvas-box", canvas), note);
  return {figure, heading, canvas, note};
}
