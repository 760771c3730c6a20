/* The loop of pictures. The page owns it: what it needs is in memory, so it goes on when the agent is gone.

   Two stacked layers; the next picture is loaded and decoded in full while the present one shows, then fades in
   over it, so there is never an empty moment between them. A picture that will not load rests for a while
   (1 min, doubling to 1 h) and the loop goes on with the others; with none left the idle slide stands. */

const FADE_MS = 500;
const READY_MS = 10_000;
const REST_MS = 60_000;
const REST_LIMIT_MS = 3_600_000;
const MEMORY_LIMIT_BYTES = 96 * 2 ** 20;

export class Player {
  #items = [];
  #current = null;
  #place = -1;
  #due = 0;
  #wake = () => {};
  #cache = new Map();
  #rests = new Map();

  /** `layers`: two elements; `shown(item)`: called each time a picture has come on or begun another turn. */
  constructor(layers, shown) {
    [this.front, this.back] = layers;
    this.shown = shown;
    this.#run();
  }

  get current() {
    return this.#current?.id ?? null;
  }

  /** Play these items, in this order, from now on. */
  play(items) {
    this.#items = items;
    for (const url of this.#cache.keys()) {
      if (!items.some((item) => item.url === url)) this.#cache.delete(url);
    }
    this.#wake();
  }

  /** The agent is back: what would not load may be tried again at once. */
  forgive() {
    this.#rests.clear();
    this.#wake();
  }

  async #run() {
    for (;;) {
      const next = this.#next();
      if (next === null) await this.#wait();
      else if (next.id === this.#current?.id) await this.#stay(next);
      else await this.#advance(next);
    }
  }

  /** The item after the present one that is not resting; null when there is none. */
  #next() {
    const now = performance.now();
    const at = this.#items.findIndex((item) => item.id === this.#current?.id);
    if (at >= 0) this.#place = at;
    for (let step = 1; step <= this.#items.length; step++) {
      const item = this.#items[(Math.max(this.#place, -1) + step) % this.#items.length];
      if ((this.#rests.get(item.id)?.until ?? 0) <= now) return item;
    }
    return null;
  }

  #plays(item) {
    return item !== null && this.#items.some((other) => other.id === item.id);
  }

  async #wait() {
    if (this.#current !== null && !this.#plays(this.#current)) await this.#clear();
    const untils = [...this.#rests.values()].map((rest) => rest.until);
    await this.#sleep(Math.min(REST_LIMIT_MS, ...untils.map((until) => until - performance.now())));
  }

  async #stay(item) {
    await this.#sleep(this.#due - performance.now());
    if (performance.now() < this.#due || !this.#plays(item)) return;
    this.#due = performance.now() + item.seconds * 1000;
    this.shown(item);
  }

  async #advance(item) {
    const picture = await this.#ready(item);
    if (picture === null) return;
    while (this.#plays(this.#current) && performance.now() < this.#due) {
      if (await this.#sleep(this.#due - performance.now())) return; // the list changed: choose again
    }
    if (!this.#plays(item)) return;
    await this.#reveal(picture, item);
    this.#due = performance.now() + item.seconds * 1000;
    this.shown(item);
  }

  async #ready(item) {
    const picture = this.#cache.get(item.url) ?? Object.assign(new Image(), { src: item.url, alt: "" });
    try {
      await Promise.race([
        picture.decode(),
        new Promise((_, reject) => setTimeout(() => reject(new Error("too slow")), READY_MS)),
      ]);
    } catch {
      this.#cache.delete(item.url);
      const strikes = (this.#rests.get(item.id)?.strikes ?? 0) + 1;
      const rest = Math.min(REST_MS * 2 ** (strikes - 1), REST_LIMIT_MS);
      this.#rests.set(item.id, { strikes, until: performance.now() + rest });
      return null;
    }
    this.#rests.delete(item.id);
    this.#keep(item, picture);
    return picture;
  }

  /** Remember a picture, and forget the longest unused beyond the bound. */
  #keep(item, picture) {
    this.#cache.delete(item.url);
    this.#cache.set(item.url, picture);
    const size = (url) => this.#items.find((other) => other.url === url)?.bytes ?? 0;
    let total = [...this.#cache.keys()].reduce((sum, url) => sum + size(url), 0);
    for (const url of this.#cache.keys()) {
      if (total <= MEMORY_LIMIT_BYTES || url === item.url) break;
      total -= size(url);
      this.#cache.delete(url);
    }
  }

  async #reveal(picture, item) {
    [this.front, this.back] = [this.back, this.front];
    const [incoming, outgoing] = [this.front, this.back];
    const uncovers = outgoing.dataset.layout === "full" && item.layout !== "full";
    incoming.dataset.layout = item.layout;
    incoming.dataset.item = item.id;
    incoming.replaceChildren(picture);
    outgoing.classList.replace("on", uncovers ? "leaving" : "under");
    void incoming.offsetWidth; // styles settle at opacity 0 first, or there would be nothing to fade from
    incoming.classList.add("on");
    this.#current = item;
    document.body.dataset.mode = "play";
    document.body.dataset.layout = item.layout;
    await pause(FADE_MS + 100);
    outgoing.classList.remove("under", "leaving");
    outgoing.replaceChildren();
    delete outgoing.dataset.layout;
  }

  async #clear() {
    this.#current = null;
    document.body.dataset.mode = "idle";
    delete document.body.dataset.layout;
    this.front.classList.replace("on", "leaving");
    await pause(FADE_MS + 100);
    this.front.classList.remove("leaving");
    this.front.replaceChildren();
    delete this.front.dataset.layout;
  }

  /** Wait; true when woken before the time was over. */
  #sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), Math.max(0, ms));
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
