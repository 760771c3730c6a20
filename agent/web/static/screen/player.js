/* The loop. The page owns it: what it needs is in memory, so it goes on when the agent is gone.

   The next item is made ready in full while the present one stands, then fades in over it. One that will not load,
   gives no picture or stands still is skipped and rests; with none left the idle slide stands. */

import { Memory } from "./memory.js";
import { PACE } from "./paces.js";
import { Rests } from "./rests.js";
import { Skip, slideOf } from "./slides.js";
import { Stage } from "./stage.js";

const CHANGED = "changed";

export class Player {
  #items = [];
  #place = -1;
  #turn = null; // {item, slide, due, isOver}
  #holds = new Set();
  #heldAt = 0;
  #isOff = false;
  #wake = () => {};
  #memory = new Memory();
  #rests = new Rests();
  #droppedBefore = 0;

  /** `layers`: two elements; `tell(item, reason)`: called when an item has come on or begun another turn, and, with a
      reason, when it was skipped. */
  constructor(layers, tell) {
    this.stage = new Stage(layers);
    this.tell = tell;
    this.#run();
  }

  get current() {
    return this.#turn?.item.id ?? null;
  }

  /** Frames of films that came too late. */
  get dropped() {
    return this.#droppedBefore + (this.#turn?.slide.dropped ?? 0);
  }

  /** Play these items, in this order, from now on. */
  play(items) {
    const id = this.current;
    if (id !== null && items[this.#place]?.id !== id) {
      const at = items.findIndex((item) => item.id === id);
      this.#place = at >= 0 ? at : Math.min(this.#place, items.length) - 1;
    }
    this.#items = items;
    this.#memory.only(items);
    this.#rests.keep(new Set(items.map((item) => item.id)));
    this.#wake(CHANGED);
  }

  /** Play nothing, whatever the list says; or again. */
  switchOff(isOff) {
    this.#isOff = isOff;
    this.#wake(CHANGED);
  }

  /** Stand still for as long as `reason` holds: something lies over the items. */
  hold(reason, isHeld) {
    const wasHeld = this.#holds.size > 0;
    if (isHeld) this.#holds.add(reason);
    else this.#holds.delete(reason);
    if (wasHeld === this.#holds.size > 0) return;
    if (!wasHeld) {
      this.#heldAt = performance.now();
      this.#turn?.slide.pause();
    } else if (this.#turn !== null) {
      this.#turn.due += performance.now() - Math.max(this.#heldAt, this.#turn.since);
      this.#turn.slide.resume();
    }
    this.#wake();
  }

  /** The agent is back: what would not load may be tried again at once. */
  forgive() {
    this.#rests.forgive();
    this.#wake(CHANGED);
  }

  /** Whatever goes wrong with one item, the loop goes on. */
  async #run() {
    for (;;) {
      try {
        await this.#step();
      } catch (error) {
        console.error(error);
        await this.#sleep(PACE.look);
      }
    }
  }

  async #step() {
    const place = this.#next();
    if (place === null) await this.#wait();
    else if (this.#stands(this.#items[place])) await this.#stay(place);
    else await this.#advance(place);
  }

  /** The place of the item after the present one that is not resting; null when there is none. */
  #next() {
    if (this.#isOff) return null;
    for (let step = 1; step <= this.#items.length; step++) {
      const place = (Math.max(this.#place, -1) + step) % this.#items.length;
      if (!this.#rests.isResting(this.#items[place].id)) return place;
    }
    return null;
  }

  /** Whether `item` stands already, as it is to be shown; made again, it has another address. */
  #stands({ id, url, layout, kind }) {
    const item = this.#turn?.item;
    return item !== undefined && kind !== "video" && item.id === id && item.url === url && item.layout === layout;
  }

  #plays(item) {
    return !this.#isOff && this.#items.some((other) => other.id === item.id);
  }

  async #wait() {
    if (this.#turn !== null && (this.#isOff || !this.#plays(this.#turn.item) || this.#turn.isOver)) await this.#clear();
    else if (this.#turn !== null && this.#turn.due - performance.now() > 0) await this.#sleep(this.#turn.due - performance.now());
    else await this.#sleep(this.#isOff ? PACE.restLimit : this.#rests.soonest);
  }

  async #stay(place) {
    const turn = this.#turn;
    if ((await this.#standing()) === CHANGED || !this.#plays(turn.item)) return;
    this.#place = place;
    turn.since = performance.now();
    turn.due = turn.since + this.#items[place].seconds * 1000;
    this.tell(turn.item);
  }

  async #advance(place) {
    const item = this.#items[place];
    const slide = slideOf(item, this.#memory);
    if (!(await this.#attempt(item, slide.ready()))) return;
    if ((await this.#standing()) === CHANGED || !this.#plays(item)) return slide.release();
    this.stage.place(slide, item);
    if (!(await this.#attempt(item, slide.begin()))) return this.stage.unplace();
    if (!this.#plays(item)) {
      slide.release();
      return this.stage.unplace();
    }
    const before = this.#turn;
    this.#place = this.#items[place]?.id === item.id ? place : this.#items.findIndex((other) => other.id === item.id);
    this.#begin(item, slide);
    if (this.#holds.size > 0) slide.pause();
    await this.stage.reveal();
    this.#release(before);
  }

  /** Whether `promise` held; otherwise the item rests, and the agent is told unless it is the one that is away. */
  async #attempt(item, promise) {
    try {
      await promise;
      return true;
    } catch (error) {
      await this.#fail(item, error instanceof Skip ? error.reason : "broken");
      return false;
    }
  }

  async #fail(item, reason) {
    this.#rests.strike(item.id);
    if (await isServed(item)) this.tell(item, reason);
  }

  /** Wait until the present item has had its time; CHANGED when the list changed meanwhile. */
  async #standing() {
    for (;;) {
      const turn = this.#turn;
      const isDue = turn === null || turn.isOver || performance.now() >= turn.due;
      if (this.#holds.size === 0 && (isDue || !this.#plays(turn.item))) return undefined;
      const why = await this.#sleep(this.#holds.size > 0 || turn.isOver ? PACE.restLimit : turn.due - performance.now());
      if (why === CHANGED) return CHANGED;
    }
  }

  #begin(item, slide) {
    const now = performance.now();
    const isTimed = item.kind !== "video";
    const turn = { item, slide, since: now, due: isTimed ? now + item.seconds * 1000 : Infinity, isOver: false };
    this.#turn = turn;
    this.#rests.clear(item.id);
    this.tell(item);
    slide.over.then((reason) => {
      turn.isOver = true;
      if (reason !== undefined) this.#fail(item, reason);
      this.#wake();
    });
  }

  #release(turn) {
    if (turn === null || turn.slide === this.#turn?.slide) return;
    this.#droppedBefore += turn.slide.dropped;
    turn.slide.release();
  }

  async #clear() {
    const turn = this.#turn;
    this.#turn = null;
    await this.stage.clear();
    this.#release(turn);
  }

  /** Wait; what woke it before the time was over. */
  #sleep(ms) {
    return new Promise((resolve) => {
      const done = (why) => {
        clearTimeout(timer);
        resolve(why);
      };
      const timer = setTimeout(done, Math.min(Math.max(0, ms), PACE.restLimit));
      this.#wake = done;
    });
  }
}

/** Whether the agent answers for this item: what it does not answer for is not the item's fault. */
async function isServed(item) {
  if (item.url === "") return true;
  try {
    await fetch(item.url, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(PACE.firstFrame) });
    return true;
  } catch {
    return false;
  }
}
