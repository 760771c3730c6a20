/* The pictures the page has in its memory: enough to go on without the agent, and bounded. */

const LIMIT_BYTES = 96 * 2 ** 20;

export class Memory {
  #kept = new Map();

  recall(item) {
    return this.#kept.get(item.url)?.picture;
  }

  /** Remember a picture, and forget the longest unused beyond the bound. */
  keep(item, picture) {
    this.#kept.delete(item.url);
    this.#kept.set(item.url, { picture, bytes: item.bytes });
    let total = [...this.#kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const [url, { bytes }] of this.#kept) {
      if (total <= LIMIT_BYTES || url === item.url) break;
      total -= bytes;
      this.#kept.delete(url);
    }
  }

  forget(item) {
    this.#kept.delete(item.url);
  }

  /** Only these may be needed again. */
  only(items) {
    const urls = new Set(items.map((item) => item.url));
    for (const url of this.#kept.keys()) if (!urls.has(url)) this.#kept.delete(url);
  }
}
