/* Two layers that cross-fade. What comes is placed unseen in the back one, begins there, and only then fades in over
   what stands, so that there is never an empty moment between them. */

import { PACE } from "./paces.js";

export class Stage {
  constructor(layers) {
    [this.front, this.back] = layers;
  }

  /** Put a slide into the back layer, in the document and unseen. */
  place(slide, item) {
    this.back.dataset.layout = item.layout;
    this.back.dataset.item = item.id;
    this.back.replaceChildren(slide.element);
    this.back.classList.add("coming");
  }

  /** It will not come after all. */
  unplace() {
    empty(this.back, "coming");
  }

  /** Fade what was placed in over what stands; resolves when nothing of the latter is left. */
  async reveal() {
    [this.front, this.back] = [this.back, this.front];
    const [incoming, outgoing] = [this.front, this.back];
    const { layout } = incoming.dataset;
    const uncovers = outgoing.dataset.layout === "full" && layout !== "full"; // then what stands fades away above it
    outgoing.classList.replace("on", uncovers ? "leaving" : "under");
    incoming.classList.toggle("at-once", uncovers);
    void incoming.offsetWidth; // styles settle at opacity 0 first, or there would be nothing to fade from
    incoming.classList.replace("coming", "on");
    document.body.dataset.mode = "play";
    document.body.dataset.layout = layout;
    await gone();
    empty(outgoing, "under", "leaving", "at-once");
  }

  /** Fade out what stands, down to the idle slide. */
  async clear() {
    document.body.dataset.mode = "idle";
    delete document.body.dataset.layout;
    this.front.classList.replace("on", "leaving");
    await gone();
    empty(this.front, "leaving", "at-once");
  }
}

function empty(layer, ...classes) {
  layer.classList.remove(...classes);
  layer.replaceChildren();
  delete layer.dataset.layout;
  delete layer.dataset.item;
}

/** The fade is over, and a frame was drawn without what has left. */
function gone() {
  return new Promise((resolve) => setTimeout(() => requestAnimationFrame(resolve), PACE.fade + 100));
}
