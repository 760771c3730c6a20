/* The status page keeps itself true; it is whole without this script, only still. */

import { follow } from "../feed.js";
import { drawCameras } from "./cameras.js";
import { drawComponents, element } from "./components.js";

function draw(now) {
  document.getElementById("unit").textContent = now.unit;
  const summary = document.getElementById("summary");
  summary.textContent = now.summary;
  summary.className = `summary ${now.is_well ? "well" : "ill"}`;
  drawComponents(document.getElementById("components"), now.components);
  drawCameras(document.getElementById("cameras"), now.cameras);
  const refusals = document.getElementById("refusals");
  refusals.hidden = now.refusals.length === 0;
  refusals.querySelector("ul").replaceChildren(
    ...now.refusals.map((refusal) => {
      const row = element("li", "degraded");
      row.append(element("h3", "", refusal.name), element("p", "message", refusal.reason), element("p", "hint", refusal.remedy));
      return row;
    }),
  );
  const figures = document.getElementById("figures");
  figures.hidden = now.figures.length === 0;
  figures.querySelector("dl").replaceChildren(
    ...now.figures.map((figure) => {
      const row = document.createElement("div");
      row.append(element("dt", "", figure.label), element("dd", "", figure.value));
      return row;
    }),
  );
}

drawCameras(document.getElementById("cameras"), JSON.parse(document.getElementById("now").textContent).cameras);
follow("/status/events", { status: draw }, (isLinked) => {
  document.body.classList.toggle("live", isLinked);
  document.body.classList.toggle("stale", !isLinked);
});
