/* The quarantine: an item that failed rests, a minute at first, doubling up to an hour. It is known by its content's
   hash, so a corrected file is another item and begins without a past. */

import { PACE } from "./paces.js";

export class Rests {
  #rests = new Map();

  isResting(id) {
    return (this.#rests.get(id)?.until ?? 0) > performance.now();
  }

  strike(id) {
    const strikes = (this.#rests.get(id)?.strikes ?? 0) + 1;
    const rest = Math.min(PACE.rest * 2 ** (strikes - 1), PACE.restLimit);
    this.#rests.set(id, { strikes, until: performance.now() + rest });
  }

  clear(id) {
    this.#rests.delete(id);
  }

  /** Only what still plays is remembered. */
  keep(ids) {
    for (const id of this.#rests.keys()) if (!ids.has(id)) this.#rests.delete(id);
  }

  forgive() {
    this.#rests.clear();
  }

  /** Milliseconds until the first of them may be tried again. */
  get soonest() {
    return Math.min(PACE.restLimit, ...[...this.#rests.values()].map((rest) => rest.until - performance.now()));
  }
}
