/* The cameras: what leaves the box of them, what is kept, and a still for who opens it. Nobody is shown what he did not
   ask for: a picture is loaded while its fold is open and the page is seen, and each look is an event. */

import { element } from "./components.js";

const AGAIN_MS = 4_000;

export function drawCameras(section, cameras) {
  const list = section.querySelector("ul");
  const names = JSON.stringify(cameras.map((camera) => camera.name));
  section.hidden = cameras.length === 0;
  if (list.dataset.names !== names) {
    list.dataset.names = names;
    list.replaceChildren(...cameras.map((camera) => card(camera.name, list.dataset)));
  }
  cameras.forEach((camera, number) => {
    const item = list.children[number];
    item.className = camera.egress;
    item.querySelector("dl").replaceChildren(
      ...camera.rows.map((row) => {
        const pair = document.createElement("div");
        pair.append(element("dt", "", row.label), element("dd", "", row.value));
        return pair;
      }),
    );
  });
}

function card(name, words) {
  const item = document.createElement("li");
  const fold = document.createElement("details");
  const picture = element("img", "");
  const gone = element("p", "gone", words.gone);
  picture.alt = name;
  picture.hidden = true;
  gone.hidden = true;
  picture.addEventListener("load", () => {
    picture.hidden = false;
    gone.hidden = true;
  });
  picture.addEventListener("error", () => {
    picture.hidden = true;
    gone.hidden = false;
  });
  fold.append(element("summary", "", words.look), element("p", "note", words.note), picture, gone);
  fold.addEventListener("toggle", () => look(fold, picture, name));
  item.append(element("h3", "", name), document.createElement("dl"), fold);
  return item;
}

function look(fold, picture, name) {
  if (!fold.open || !fold.isConnected) {
    picture.hidden = true;
    picture.removeAttribute("src");
    return;
  }
  if (document.visibilityState === "visible") picture.src = `/status/camera/${name}.jpg?${Date.now()}`;
  clearTimeout(fold.again);
  fold.again = setTimeout(() => fold.open && look(fold, picture, name), AGAIN_MS);
}
