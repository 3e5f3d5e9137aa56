// Puts the page together: what the report does not have gets no section.
"use strict";

Object.assign(Chart.defaults, {animation: false, responsive: true});
Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;

function fillHead(head) {
  const machine = objectOf(report.machine), method = objectOf(report.method);
  const heading = head?.words ?? (ownModes.length ? "What the mesh adds to a request between these pods" : null);
  if (heading) {
    document.getElementById("headline").textContent = heading;
  }
  const through = [[head?.node, "the node proxy"], [head?.pair, "two sidecars"]].filter(([row]) => row);
  const facts = [
    head?.direct && isNumber(head.direct.us_per_request) &&
      `With ${wordsOfSet(head.direct).replace(/^HTTP, /, "")}, a request takes ` +
        `${time(head.direct.us_per_request)} without a mesh; ` +
        `${through.map(([row, words]) => `${times(row.ratio_to_direct)} that through ${words}`).join(", ")}.`,
    head?.node && head.pair && alike(head.node, head.pair) && "This run does not tell the two apart.",
    placements.includes("one-core") &&
      "Client, server and proxies share one core: the time is the sum of everybody's work.",
    rows.length > 0 && "Times of one machine mean little on another; the ratios are what to quote.",
  ].filter(Boolean);
  document.getElementById("lead").textContent = facts.join(" ");
  const where =
    [
      machine.cpu, machine.kernel, isNumber(method.rounds) && plural(method.rounds, "round"),
      typeof machine.date === "string" && machine.date.replace(/T.*/, "")
    ].filter(Boolean)
      .join(" · ");
  document.getElementById("lead").after(make("p", "where", where));
}

function tiles(head) {
  const tile = (figure, words) => make("li", "", make("strong", "", figure), make("span", "", words));
  const found = [];
  const {node, pair} = head ?? {};
  if (node && pair && pair.added_us > 0 && node.added_us > 0) {
    found.push(tile(
      `${number(100 * node.added_us / pair.added_us)} %`, "of what a sidecar pair adds is added by the node proxy"));
  }
  const open = rows.filter((row) => isNumber(row.rate) && isNumber(row.latency_us?.p99));
  const one = open.find((row) => row.path === "node-http");
  const two = one && open.find((row) => row.path === "sidecar-pair" && setOf(row) === setOf(one));
  if (two) {
    found.push(tile(`${short(one.latency_us.p99)} / ${short(two.latency_us.p99)} µs`,
      `p99 at ${number(one.rate)} requests/s: node proxy / sidecar pair`));
  }
  const lines = linesByPods().filter((line) => !line.dashed), ends = lines.map((line) => line.points.at(-1));
  if (lines.length === 2 && ends[0].x === ends[1].x) {
    found.push(tile(ends.map((end) => short(end.y / 1024)).join(" / ") + " MiB",
      `all proxies of ${number(ends[0].x)} pods: ${lines.map((line) => line.name).join(" / ")} mode`));
  }
  const switched = listOf(report.events).filter((event) => event.scenario === "mode-switch" && isNumber(event.lost));
  if (switched.length) {
    found.push(tile(number(switched.reduce((sum, event) => sum + event.lost, 0)),
      "requests lost while a pod was switched between modes"));
  }
  return found.length > 1 ? make("ul", "tiles", ...found) : null;
}

function banner() {
  const failed = listOf(report.not_measured).filter((cell) => cell.why === "failed").length;
  const words = [
    report.partial === true &&
      "Partial report: the run was interrupted before its end. Figures rest on fewer rounds " +
        "than were asked for, and some are missing.",
    failed > 0 &&
      `${plural(failed, "cell")} failed and ` +
        `${failed === 1 ? "has" : "have"} no figure; the end of the page says why.`
  ].filter(Boolean);
  return words.map((one) => make("p", "banner", one));
}

function build() {
  const head = headline(), main = document.getElementById("main");
  fillHead(head);
  const sections = [
    ownSection(), overheadSection(), latencySection(), ladderSection(), cpuSection(), memorySection(), eventsSection(),
    tablesSection(), machineSection(), notMeasuredSection()
  ].filter(Boolean);
  main.append(...banner(), ...[tiles(head)].filter(Boolean));
  if (sections.length > 2) {
    const contents = make("nav", "", ...sections.map(({title, id}) => {
      const link = make("a", "", title);
      link.href = `#${id}`;
      return link;
    }));
    contents.setAttribute("aria-label", "Sections");
    main.append(contents);
  }
  for (const {title, id, content, ready} of sections) {
    const section = make("section", "", make("h2", "", title), ...content);
    section.id = id;
    main.append(section);
    // Only now has the section a width to draw in.
    ready?.();
  }
  if (!rows.length && !sections.length) {
    main.append(make("p", "banner", "The report has no figures."));
  }
}

// Paper is light, and as wide as it is, whatever the screen; without this the charts keep the screen's size.
const PAPER_WIDTH = 900;
function dressForPaper(isOn) {
  isPrinting = isOn;
  document.documentElement.classList.toggle("printing", isOn);
  redrawAll();
  if (isOn) {
    for (const chart of Object.values(window.fairleadCharts)) {
      chart.resize(PAPER_WIDTH, chart.height);
    }
  }
}

build();
darkness.addEventListener("change", redrawAll);
matchMedia("(max-width: 599px)").addEventListener("change", redrawAll);
addEventListener("beforeprint", () => dressForPaper(true));
addEventListener("afterprint", () => dressForPaper(false));
