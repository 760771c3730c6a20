/* An item made ready to be shown: a picture, a film or a notice. All answer to the same calls:

   ready()    resolves when it can come on at once; throws Skip
   begin()    called in the document, still unseen; resolves when there is something to see; throws Skip
   over       resolves when it ended by itself: to nothing, or to the reason why it was left (films only)
   pause(), resume(), release()

   A film's `ended` is never trusted alone: boards are known that stop seconds before the end, look healthy and never
   say so. At most one film plays and one is being made ready; what is released gives its decoder back. */

import { fit } from "./fit.js";
import { PACE } from "./paces.js";

const TAIL_S = 5; // a film that stops so close to its end has ended

export class Skip extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** The slide of an item; `memory` keeps pictures. */
export function slideOf(item, memory) {
  if (item.kind === "video") return new Film(item);
  return item.kind === "notice" ? new Words(item) : new Picture(item, memory);
}

class Still {
  over = new Promise(() => {});
  dropped = 0;

  async ready() {}
  async begin() {}
  pause() {}
  resume() {}
  release() {}
}

class Picture extends Still {
  constructor(item, memory) {
    super();
    this.item = item;
    this.memory = memory;
    const known = memory.recall(item);
    const isElsewhere = known?.isConnected; // it stands now, and comes again in another place
    this.element = isElsewhere ? known.cloneNode() : (known ?? Object.assign(new Image(), { src: item.url, alt: "" }));
  }

  async ready() {
    try {
      await within(this.element.decode(), PACE.ready, "slow");
    } catch (error) {
      this.memory.forget(this.item);
      throw error instanceof Skip ? error : new Skip("broken");
    }
    this.memory.keep(this.item, this.element);
  }
}

class Words extends Still {
  constructor({ notice }) {
    super();
    this.element = document.getElementById("notice").content.firstElementChild.cloneNode(true);
    this.element.querySelector("h2").textContent = notice.title;
    this.element.querySelector("ul").replaceChildren(...notice.lines.map((line) => text("li", line)));
  }

  async begin() {
    fit(this.element.querySelector(".message"));
  }
}

class Film {
  #timer = 0;
  #finish;
  #heldAt = null;
  #isReleased = false;

  constructor(item) {
    this.item = item;
    this.over = new Promise((resolve) => (this.#finish = resolve));
    this.element = document.createElement("video");
    Object.assign(this.element, { muted: true, playsInline: true, preload: "auto", disableRemotePlayback: true });
  }

  get dropped() {
    return this.element.getVideoPlaybackQuality().droppedVideoFrames;
  }

  async ready() {
    const loaded = happens(this.element, "canplaythrough");
    this.element.src = this.item.url;
    try {
      await within(loaded, PACE.ready, "slow");
    } catch (skip) {
      this.release();
      throw skip;
    }
  }

  async begin() {
    const frame = new Promise((resolve) => this.element.requestVideoFrameCallback(resolve));
    try {
      await within(this.element.play(), PACE.firstFrame, "no_frame");
      await within(frame, PACE.firstFrame, "no_frame");
    } catch (error) {
      this.release();
      throw error instanceof Skip ? error : new Skip("broken");
    }
    this.#watch();
  }

  #watch() {
    const film = this.element;
    let [seenAt, seen, played] = [performance.now(), film.currentTime, 0];
    const length = Number.isFinite(film.duration) ? film.duration : this.item.seconds;
    this.#timer = setInterval(() => {
      const now = performance.now();
      const passed = now - seenAt;
      if (film.error !== null) return this.#end("broken");
      if (film.ended) return this.#end();
      if (film.paused && this.#heldAt !== null) return void (seenAt = now);
      if (film.currentTime !== seen) {
        [seenAt, seen, played] = [now, film.currentTime, played + passed];
        if (played > length * 1000 + PACE.pastEnd) this.#end("overran");
      } else if (passed > PACE.frozen) {
        this.#end(film.currentTime >= length - TAIL_S ? undefined : "frozen");
      }
    }, PACE.look);
  }

  #end(reason) {
    clearInterval(this.#timer);
    this.element.pause();
    this.#finish(reason);
  }

  pause() {
    this.#heldAt = performance.now();
    this.element.pause();
  }

  resume() {
    this.#heldAt = null;
    if (!this.#isReleased && !this.element.ended) this.element.play().catch(() => {});
  }

  /** Give the decoder back. */
  release() {
    clearInterval(this.#timer);
    this.#isReleased = true;
    this.element.pause();
    this.element.removeAttribute("src");
    this.element.load();
  }
}

function happens(film, event) {
  return new Promise((resolve, reject) => {
    film.addEventListener(event, resolve, { once: true });
    film.addEventListener("error", () => reject(new Skip("broken")), { once: true });
  });
}

function within(promise, ms, reason) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Skip(reason)), ms)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function text(tag, words) {
  return Object.assign(document.createElement(tag), { textContent: words });
}
