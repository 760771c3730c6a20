/* The demo page. A hop lights up only on evidence: the press was taken by the wire, the screen thanked
   (so the rating is on disk), the province showed a new row, the province acknowledged it. */

import { follow, post } from "../feed.js";
import { element } from "../status/components.js";

const LEVELS = JSON.parse(document.getElementById("levels").textContent);
const WORDS = JSON.parse(document.getElementById("words").textContent);
const TOTALS = {
  ratings: ["Đánh giá", "ratings"],
  events: ["Sự kiện", "events"],
  acknowledged: ["Xác nhận", "confirmed"],
  gaps: ["Bị thiếu", "missing"],
  breaks: ["Đứt chuỗi", "broken links"],
  conflicts: ["Mâu thuẫn", "contradicted"],
};
const STEP_MS = 90;

const hops = [...document.querySelectorAll(".hops li")];
let pressedAt = 0;
let lit = 0;
let goal = 0;
let before = null;

async function press(button) {
  button.classList.add("down");
  setTimeout(() => button.classList.remove("down"), 160);
  for (const hop of hops) hop.querySelector("output").textContent = "";
  hops.forEach((hop) => hop.classList.remove("lit"));
  pressedAt = performance.now();
  lit = goal = 0;
  if (await post("/demo/press", { key: Number(button.dataset.key) })) reach(1);
}

/** The press has come at least so far: light the hops up to there, one after the other. */
function reach(hop) {
  if (pressedAt === 0 || hop <= goal) return;
  goal = hop;
  const after = performance.now() - pressedAt;
  for (let at = lit; at < hop; at++) {
    const output = hops[at].querySelector("output");
    setTimeout(() => {
      hops[at].classList.add("lit");
      output.textContent = `${(after / 1000).toLocaleString("vi", { minimumFractionDigits: 2, maximumFractionDigits: 2 })} s`;
    }, (at - lit) * STEP_MS);
  }
  lit = hop;
}

function draw(now) {
  if (before !== null && pressedAt > 0) {
    if (now.thanks !== before.thanks) reach(3);
    if (now.received.length > 0 && mark(now.received[0]) !== mark(before.received[0])) reach(5);
    if (goal >= 5 && (now.totals.acknowledged ?? 0) >= (now.totals.events ?? Infinity)) reach(6);
  }
  drawTotals(now.totals);
  drawReceived(now.received, before);
  drawParts(now.components);
  before = now;
}

function mark(row) {
  return row ? `${row.type}/${row.seq}/${row.received_at}` : "";
}

function drawTotals(totals) {
  document.getElementById("totals").replaceChildren(
    ...Object.entries(totals).map(([key, value]) => {
      const [label, caption] = TOTALS[key] ?? [key, ""];
      const cell = document.createElement("div");
      const name = element("dt", "", label);
      name.append(" ", element("small", "", caption));
      cell.append(element("dd", "", value.toLocaleString("vi")), name);
      return cell;
    }),
  );
}

function drawReceived(rows, earlier) {
  const known = new Set((earlier?.received ?? []).map(mark));
  document.getElementById("nothing").hidden = rows.length > 0;
  document.getElementById("received").replaceChildren(
    ...rows.map((row) => {
      const line = element("tr", earlier !== null && !known.has(mark(row)) ? "new" : "");
      line.append(element("td", "seq", `#${row.seq}`), what(row), when(row.time), when(row.received_at));
      return line;
    }),
  );
}

function what(row) {
  const cell = element("td", "what");
  const level = LEVELS[row.level];
  if (level === undefined) {
    const [label, caption] = WORDS.event[row.type] ?? [row.type, ""];
    cell.append(element("b", "", label), " ", element("small", "", caption));
  } else {
    cell.append(face(row.level, level.mouth), element("b", "", level.label));
  }
  if (row.channel?.startsWith("qr")) cell.append(element("span", "flag phone", "điện thoại"));
  for (const flag of row.flags ?? []) cell.append(element("span", "flag", WORDS.flag[flag]?.[0] ?? flag));
  if (row.comment) cell.append(element("q", "", row.comment));
  return cell;
}

function face(level, mouth) {
  const svg = document.querySelector(`.keys .level-${level} svg`).cloneNode(true);
  svg.classList.add(`level-${level}`);
  svg.querySelector("path").setAttribute("d", mouth);
  return svg;
}

function when(moment) {
  return element("td", "when", String(moment ?? "").slice(11, 19));
}

function drawParts(components) {
  document.getElementById("components").replaceChildren(
    ...components.map((component) => {
      const part = element("li", component.status);
      part.title = [component.message, component.hint].filter(Boolean).join("\n");
      part.append(element("b", "", component.label), element("span", "", ["ok", "off"].includes(component.status) ? component.word : component.message));
      return part;
    }),
  );
}

for (const button of document.querySelectorAll(".keys button")) button.addEventListener("click", () => press(button));
addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  const button = document.querySelector(`.keys button[data-key="${CSS.escape(event.key)}"]`);
  if (button !== null) press(button);
});
follow("/demo/events", { now: draw }, (isLinked) => document.body.classList.toggle("unlinked", !isLinked));
