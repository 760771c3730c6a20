/* Panel care: what always stands in one place moves by two pixels every three minutes, too little to be seen and
   enough for no edge to burn in. */

import { PACE } from "./paces.js";

const STEPS = [[0, 0], [2, 0], [2, 2], [0, 2]];

export class Care {
  #at = 0;

  constructor(root) {
    setInterval(() => {
      this.#at = (this.#at + 1) % STEPS.length;
      root.style.setProperty("--shift", STEPS[this.#at].map((pixels) => `${pixels}px`).join(" "));
    }, PACE.care);
  }
}
