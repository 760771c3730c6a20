/* The wall clock, shown only when the agent vouches for it: a wrong clock in an office is worse than none. */

const TRANSPORT_MS = 5_000;

export class WallClock {
  #digits;
  #date;
  #offsetMs = 0;
  #spelled = ""; // for this zone and language
  #time;
  #weekday;
  #day;

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
    this.root.hidden = !trusted;
    this.#spell(zone, language);
    this.#draw();
  }

  #spell(zone, language) {
    if (this.#spelled === `${zone} ${language}`) return;
    this.#spelled = `${zone} ${language}`;
    const format = (tongue, options) => new Intl.DateTimeFormat(tongue, { timeZone: zone, ...options });
    this.#time = format("en-GB", { hour: "2-digit", minute: "2-digit" });
    this.#weekday = format(language, { weekday: "long" });
    this.#day = format("en-GB", { day: "2-digit", month: "2-digit", year: "numeric" });
  }

  #draw() {
    if (this.root.hidden) return;
    const now = new Date(Date.now() + this.#offsetMs);
    const digits = this.#time.format(now).replace(":", "");
    this.#digits.forEach((box, at) => write(box, digits[at]));
    write(this.#date, `${this.#weekday.format(now)}, ${this.#day.format(now)}`);
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
