/* What takes the place of the playlist: the closed slide, and over everything an emergency. An emergency goes at its
   end even when the agent is away. */

import { fit } from "./fit.js";

const LONGEST_MS = 2 ** 30; // a timer's number has 31 bits

export class Closed {
  constructor(root) {
    this.root = root;
  }

  show(closed) {
    this.root.hidden = closed === null;
    if (closed !== null) write(this.root, closed);
  }
}

export class Emergency {
  #timer = 0;

  /** `changed(isOn)`: called whenever it was set. */
  constructor(root, changed) {
    [this.root, this.changed] = [root, changed];
  }

  show(emergency) {
    clearTimeout(this.#timer);
    const isOn = emergency !== null && emergency.left_ms > 0;
    this.root.hidden = !isOn;
    if (isOn) {
      this.root.querySelector(".until").textContent = emergency.until;
      write(this.root, emergency); // after that: what stands below it takes its room
      const left = Math.min(emergency.left_ms, LONGEST_MS);
      this.#timer = setTimeout(() => this.show({ ...emergency, left_ms: emergency.left_ms - left }), left);
    }
    this.changed(isOn);
  }
}

function write(root, { title, lines }) {
  root.querySelector("h2").textContent = title;
  root.querySelector("ul").replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
  fit(root.querySelector(".message"));
}
