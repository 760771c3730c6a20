/* What the footer says beside the hotline: the hours, then each notice, one at a time and standing still. */

import { PACE } from "./paces.js";

export class Footer {
  #lines = [];
  #at = 0;

  constructor(root) {
    this.root = root;
    setInterval(() => this.#turn(), PACE.line);
  }

  say(hours, notices) {
    const lines = [hours, ...notices.map((text) => ({ label: "", text }))].filter(({ text }) => text !== "");
    if (JSON.stringify(lines) === JSON.stringify(this.#lines)) return;
    this.#lines = lines;
    this.#at = 0;
    this.#draw();
  }

  #turn() {
    if (this.#lines.length < 2) return;
    this.#at = (this.#at + 1) % this.#lines.length;
    this.root.classList.add("turning");
    setTimeout(() => {
      this.#draw();
      this.root.classList.remove("turning");
    }, PACE.fade);
  }

  #draw() {
    const { label, text } = this.#lines[this.#at] ?? { label: "", text: "" };
    this.root.classList.toggle("of-hours", label !== "");
    this.root.querySelector("span").textContent = label;
    this.root.querySelector("b").textContent = text;
  }
}
