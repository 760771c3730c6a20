/* The status page keeps itself true; it is whole without this script, only still. */

import { follow } from "../feed.js";
import { drawComponents, element } from "./components.js";

function draw(now) {
  document.getElementById("unit").textContent = now.unit;
  const summary = document.getElementById("summary");
  summary.textContent = now.summary;
  summary.className = `summary ${now.is_well ? "well" : "ill"}`;
  drawComponents(document.getElementById("components"), now.components);
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

follow("/status/events", { status: draw }, (isLinked) => {
  document.body.classList.toggle("live", isLinked);
  document.body.classList.toggle("stale", !isLinked);
});
