// A user's own pods: the time of a request in each mode that was tried.
"use strict";

const own = objectOf(report.own_pods);
// As rows have it, with the mode in the path's place.
const ownModes = named(own.modes, "mode").map((one) => ({...one, path: one.mode, leads: one.path}));

function ownBars() {
  return overheadBars(ownModes, {
    value: (one) => one.us_per_request,
    interval: (one) => (Array.isArray(one.us_interval) ? one.us_interval : null),
    figure: (one) => short(one.us_per_request),
    title: "per request, µs",
    unit: "µs",
    says: `Microseconds per request: ${ownModes.map((one) => `${one.mode} ${short(one.us_per_request)}`).join(", ")}`,
  });
}

function ownSection() {
  if (!ownModes.length || !ownModes.every((one) => isNumber(one.us_per_request))) {
    return null;
  }
  const bars = chartFigure("Time of a request, by mode of the pod that asks");
  const curve = chartFigure("Time within which a share of the requests is answered");
  const [first, ...others] = ownModes;
  const compared = others.filter((one) => isNumber(one.ratio_to_current))
                     .map((one) => `${one.mode} mode takes ${times(one.ratio_to_current)} that`);
  bars.note.textContent =
    [`In ${first.mode} mode, which the pod was in, a request takes ${time(first.us_per_request)}`, ...compared].join(
      "; ") +
    ".";
  return {
    title: `${own.from ?? "a pod"} to ${own.to ?? "its service"}`,
    id: "own-pods",
    ready: () => {
      draw("own-time", bars.canvas, ownBars);
      drawIf(ownModes.every((one) => curveOf(one).length > 1), "own-percentiles", curve, () => curves(ownModes));
    },
    content: [
      make("div", "pair", bars.figure, curve.figure), table("Your pods, every figure", ownModes, {
        lead: [{field: "mode", head: "mode", isText: true}],
        columns: [
          {field: "leads", head: "path", isText: true},
          ...ROW_COLUMNS.filter(({field}) => ["us_per_request", "us_interval"].includes(field)),
          {field: "ratio_to_current", head: "ratio to the mode it was in", decimals: 3},
          ...ROW_COLUMNS.filter(({field}) => field.startsWith("latency_us.")),
        ]
      })
    ]
  };
}
