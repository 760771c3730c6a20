/* What was shown and what was skipped, told to the agent in order. While it is away the turns wait here, bounded. */

import { post } from "../feed.js";

const LIMIT = 5_000;
const AT_ONCE = 100;

export class Turns {
  #page = crypto.randomUUID();
  #first = 0;
  #waiting = [];
  #isSending = false;

  tell(item, reason) {
    this.#waiting.push({ item: item.id, skipped: reason ?? null, at: performance.now() });
    if (this.#waiting.length > LIMIT) this.#forget(1);
    this.send();
  }

  async send() {
    if (this.#isSending || this.#waiting.length === 0) return;
    this.#isSending = true;
    const now = performance.now();
    const turns = this.#waiting.slice(0, AT_ONCE);
    const first = this.#first;
    const said = turns.map(({ item, skipped, at }) => ({ item, skipped, ago_s: (now - at) / 1000 }));
    const isHeard = await post("/screen/turns", { page: this.#page, first, turns: said });
    if (isHeard) this.#forget(Math.max(0, first + turns.length - this.#first));
    this.#isSending = false;
    if (isHeard) this.send();
  }

  #forget(count) {
    this.#waiting.splice(0, count);
    this.#first += count;
  }
}
