/* The banner: ratings are not counted now. Over everything, and gone at its end even when the agent is away. */

export class Banner {
  #timer = 0;

  /** `moved()`: called when the banner came or went, and the page has another height. */
  constructor(root, moved) {
    [this.root, this.moved] = [root, moved];
  }

  show(banner) {
    clearTimeout(this.#timer);
    const isOn = banner !== null && banner.left_ms > 0;
    if (isOn) {
      this.root.querySelector("b").textContent = banner.title;
      this.root.querySelector("span").textContent = banner.note;
    }
    if (this.root.hidden === isOn) {
      this.root.hidden = !isOn;
      this.moved();
    }
    if (isOn) this.#timer = setTimeout(() => this.show(null), banner.left_ms);
  }
}
