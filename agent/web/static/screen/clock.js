/* The wall clock, shown only when the agent vouches for it: a wrong clock in an office is worse than none. */

const TRANSPORT_MS = 5_000;

export class WallClock {
  #digits;
  #date;
  #offsetMs = 0;
  #zone = "Asia/Ho_Chi_Minh";
  #language = "vi";

  constructor(root) {
    this.root = root;
    this.#digits = [...root.querySelectorAll("b")];
    this.#date = root.querySelector(".date");
    setInterval(() => this.#draw(), 1_000);
  }

  /** Take over what the agent says of its clock. A difference under 5 s is the way the message took. */
  set({ trusted, zone, now_ms }, language) {
    const offset = now_ms - Date.now();
    this.#offsetMs = Math.abs(offset) > TRANSPORT_MS ? offset : 0;
    this.#zone = zone;
    this.#language = language;
    this.root.hidden = !trusted;
    this.#draw();
  }

  #draw() {
    const now = new Date(Date.now() + this.#offsetMs);
    const part = (options) => new Intl.DateTimeFormat(this.#language, { timeZone: this.#zone, ...options });
    const time = new Intl.DateTimeFormat("en-GB", { timeZone: this.#zone, hour: "2-digit", minute: "2-digit" });
    const date = new Intl.DateTimeFormat("en-GB", { timeZone: this.#zone, day: "2-digit", month: "2-digit", year: "numeric" });
    const digits = time.format(now).replace(":", "");
    this.#digits.forEach((box, at) => write(box, digits[at]));
    write(this.#date, `${part({ weekday: "long" }).format(now)}, ${date.format(now)}`);
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
