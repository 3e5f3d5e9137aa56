// Reading the report, and numbers and names as people read them. Every field may be absent.
"use strict";

const report = JSON.parse(document.getElementById("report").textContent) ?? {};

const listOf = (value) => (Array.isArray(value) ? value.filter((one) => one && typeof one === "object") : []);
const objectOf = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const distinct = (values) => [...new Set(values)];

// Without its names a row cannot be spoken of.
const named = (list, name) => listOf(list).filter((one) => typeof one[name] === "string");
const rows = named(report.rows, "path").filter((row) => typeof row.load === "string");
const placements = distinct(rows.map((row) => row.placement));

// The order of the paths is that of docs/report-json.md, from the least to the most that stands in the way.
const PATHS = {
  "direct": "no mesh: both pods off, the server's own address",
  "node-kernel": "node mode, a port declared TCP: decided at connect(), then nothing of the mesh in the byte path",
  "node-kernel-accelerated": "as node-kernel, with bytes passed from socket to socket",
  "node-http": "node mode, a port declared HTTP: one pass through the node's proxy",
  "node-http-accelerated": "as node-http, with both hops passed from socket to socket",
  "sidecar-pair": "our slim sidecar at both ends, the same work",
  "sidecar-pair-accelerated": "as sidecar-pair, with all three hops passed from socket to socket",
  "node-to-sidecar": "mixed ends: the client's pod on the node's proxy, the server's with a sidecar",
  "sidecar-to-node": "mixed ends: the client's pod with a sidecar, the server's on the node's proxy",
  "relay": "one relay that only copies bytes: the least that a proxy in user space can cost",
  "nginx-hop": "one nginx beside the client",
  "haproxy-hop": "one HAProxy beside the client",
  "envoy-hop": "one Envoy beside the client",
  "nginx-pair": "nginx as sidecar at both ends",
  "haproxy-pair": "HAProxy as sidecar at both ends",
  "envoy-pair": "Envoy as sidecar at both ends",
  "ztunnel-pair": "ztunnel at both ends",
};
const MTLS = "-mtls";
const hasMtls = (path) => String(path).endsWith(MTLS);
const withoutMtls = (path) => String(path).replace(/-mtls$/, "");

function explained(path) {
  const words = PATHS[withoutMtls(path)];
  return words && (hasMtls(path) ? `${words}, encrypted and authenticated (mTLS)` : words);
}

function byPath(a, b) {
  const names = Object.keys(PATHS);
  const place = (path) =>
    (names.includes(withoutMtls(path)) ? names.indexOf(withoutMtls(path)) : names.length) + (hasMtls(path) ? 0.5 : 0);
  return place(a) - place(b) || String(a).localeCompare(String(b));
}

const number = (value, decimals = 0) =>
  value.toLocaleString("en-US", {minimumFractionDigits: decimals, maximumFractionDigits: decimals});

// Three digits that mean something.
function short(value) {
  const size = Math.abs(value);
  return number(value, size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

function time(us) {
  const size = Math.abs(us);
  return size >= 1e6 ? `${short(us / 1e6)} s` : size >= 1e4 ? `${short(us / 1e3)} ms` : `${short(us)} µs`;
}

const times = (ratio) => `${number(ratio, 2)}×`;
const plural = (count, what) => `${number(count)} ${what}${count === 1 ? "" : "s"}`;

function loadInWords(load) {
  const size = (text) => text.replace(/^(\d+)$/, "$1 bytes").replace(/k$/, " KiB").replace(/m$/, " MiB");
  const http = /^http-c(\d+)(?:-(\d+[km]))?(-new|-close)?(?:-r(\d+))?$/.exec(load);
  if (http) {
    const body = http[2] ? `, answers of ${size(http[2])}` : "";
    const lives = {"-new": ", new for each request", "-close": ", the server closes after each answer"};
    const fresh = lives[http[3]] ?? "";
    const rate = http[4] ? `, ${number(Number(http[4]))}/s offered` : "";
    return `HTTP, ${plural(Number(http[1]), "connection")}${fresh}${body}${rate}`;
  }
  const tcp = /^tcp-(rr|stream)-(\d+[km]?)$/.exec(load);
  return tcp ? `TCP ${tcp[1] === "rr" ? "round trip of" : "stream, writes of"} ${size(tcp[2])}` : String(load);
}

const setOf = (row) => `${row.placement} ${row.load}`;
const wordsOfSet = (row) => loadInWords(row.load) + (placements.length > 1 ? ` (${row.placement})` : "");

// Whether the run cannot tell two rows of one load apart. Where the report does not say so: their intervals overlap.
function alike(row, other) {
  if (Array.isArray(row.indistinguishable_from) || Array.isArray(other.indistinguishable_from)) {
    return [row.indistinguishable_from ?? []].flat().includes(other.path) ||
      [other.indistinguishable_from ?? []].flat().includes(row.path);
  }
  const [a, b] = [row.ratio_interval, other.ratio_interval];
  return Array.isArray(a) && Array.isArray(b) && a[0] <= b[1] && b[0] <= a[1];
}

// make("p", "lead", "words", child, ...): an element. Text goes in as text, never as markup.
function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) {
    element.className = className;
  }
  element.append(...content.filter((one) => one !== undefined && one !== null));
  return element;
}
