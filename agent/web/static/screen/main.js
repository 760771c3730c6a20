/* The promo screen: one document that never navigates. The state comes down whole, what was shown goes up. */

import { follow, post } from "../feed.js";
import { Banner } from "./banner.js";
import { Care } from "./care.js";
import { WallClock } from "./clock.js";
import { Code } from "./code.js";
import { fitMessages, fitSize } from "./fit.js";
import { Footer } from "./footer.js";
import { PACE } from "./paces.js";
import { Panel } from "./panel.js";
import { Player } from "./player.js";
import { Closed, Emergency } from "./takeover.js";
import { Thanks } from "./thanks.js";
import { dress } from "./theme.js";
import { Turns } from "./turns.js";

const HEAD_SIZES = [42, 40, 38, 36, 34, 32, 30, 28, 26];
const IDLE_SIZES = [84, 76, 68, 60, 54, 48, 42];

const TOGETHER = /(?<=công|một) (?=an|cửa)/gi; // words of two syllables that no line should break within

const clock = new WallClock(document.querySelector(".clock"));
const banner = new Banner(document.querySelector(".banner"), () => fitUnit());
const panel = new Panel(document.querySelector(".panel"));
const footer = new Footer(document.querySelector("footer .notice"));
const code = new Code(() => fitUnit());
const turns = new Turns();
const player = new Player(document.querySelectorAll(".layer"), (item, reason) => turns.tell(item, reason));
const thanks = new Thanks(document.querySelector(".thanks"), (isOn) => player.hold("thanks", isOn));
const closed = new Closed(document.querySelector(".closed"));
const emergency = new Emergency(document.querySelector(".emergency"), (isOn) => player.hold("emergency", isOn));
const begun = JSON.parse(document.getElementById("state").textContent);
let revision = 0;
let frames = 0;

function apply(state) {
  if (state.software !== begun.software) return location.reload(); // the agent was renewed: so is its page
  document.documentElement.lang = state.language;
  document.title = state.unit;
  const words = {
    unit: state.unit.replaceAll(TOGETHER, "\u00a0"),
    number: state.counter.number,
    counter: state.counter.label,
    hours: state.hours,
    ...Object.fromEntries(Object.entries(state.texts).map(([name, text]) => [`text-${name}`, text])),
  };
  const template = document.getElementById("notice").content;
  for (const element of [...document.querySelectorAll("[data-word]"), ...template.querySelectorAll("[data-word]")]) {
    const text = String(words[element.dataset.word] ?? "");
    if (element.textContent !== text) element.textContent = text;
  }
  for (const list of document.querySelectorAll(".numbers")) {
    list.replaceChildren(...state.hotlines.map((number) => Object.assign(document.createElement("b"), { textContent: number })));
  }
  document.body.classList.toggle("no-hotline", state.hotlines.length === 0);
  document.body.classList.toggle("no-hours", state.hours === "");
  dress(state.theme);
  const camera = document.querySelector(".camera");
  camera.hidden = state.camera === "";
  camera.textContent = state.camera;
  code.show(state.qr);
  clock.set(state.clock, state.language);
  thanks.show(state.thanks);
  banner.show(state.banner);
  panel.show(state.panel);
  closed.show(state.closed);
  emergency.show(state.emergency);
  footer.say({ label: state.texts.hours, text: state.hours }, state.footer);
  player.switchOff(state.closed !== null);
  player.play(state.playlist);
  fitUnit();
  revision = state.revision;
}

function fitEverything() {
  fitUnit();
  fitMessages();
}

/** The unit's name as large as its places allow; names of merged communes are long. */
function fitUnit() {
  const [head, idle] = [document.querySelector(".who"), document.querySelector(".idle")];
  const [welcome, invite] = idle.querySelectorAll(".welcome, .invite");
  fitSize(head.firstElementChild, HEAD_SIZES, (name) => name.offsetHeight <= head.clientHeight);
  fitSize(idle.querySelector(".name"), IDLE_SIZES, () => {
    const below = matchMedia("(orientation: portrait)").matches ? invite.offsetHeight : 0;
    return welcome.offsetHeight + below <= 0.94 * idle.clientHeight;
  });
}

/** The page lives: what it draws, and whether the browser really draws it. */
function beat() {
  const heap = performance.memory?.usedJSHeapSize;
  post("/screen/beat", {
    revision,
    item: player.current,
    frames,
    dropped: player.dropped,
    heap_mb: heap === undefined ? null : heap / 2 ** 20,
  });
  turns.send();
}

apply(begun);
follow("/events", { state: apply, thanks: (news) => thanks.show(news) }, (isLinked) => {
  const wasLost = document.body.classList.contains("unlinked");
  document.body.classList.toggle("unlinked", !isLinked);
  if (isLinked && wasLost) player.forgive();
});
new Care(document.documentElement);
setInterval(() => requestAnimationFrame(() => frames++), 1_000);
setInterval(beat, PACE.beat);
beat();
addEventListener("resize", fitEverything);
document.fonts.ready.then(fitEverything);
