/* The page of a QR display: the code as it turns, the thank-you, and who sits here when there is no code. */

import { follow, post } from "../feed.js";
import { Banner } from "../screen/banner.js";
import { Code } from "../screen/code.js";
import { Thanks } from "../screen/thanks.js";

const BEAT_MS = 5_000;

const code = new Code(() => {});
const thanks = new Thanks(document.querySelector(".thanks"), () => {});
const banner = new Banner(document.querySelector(".banner"), () => {});

const begun = JSON.parse(document.getElementById("state").textContent);

function apply(state) {
  if (state.software !== begun.software) return location.reload(); // the agent was renewed: so is its page
  document.documentElement.lang = state.language;
  const words = { unit: state.unit, ...state.texts };
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = words[element.dataset.word];
  document.querySelector(".numbers").replaceChildren(
    ...state.hotlines.map((number) => Object.assign(document.createElement("b"), { textContent: number })),
  );
  code.show(state.qr);
  thanks.show(state.thanks);
  banner.show(state.banner);
}

apply(begun);
follow("/events", { state: apply, thanks: (news) => thanks.show(news) });
setInterval(() => post("/qr/beat", {}), BEAT_MS);
post("/qr/beat", {});
