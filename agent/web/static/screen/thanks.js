/* The thank-you: the same for every rating. It lasts what the agent says is left of it; a new token starts anew. */

export class Thanks {
  #timer = 0;

  /** `changed(isOn)`: called when it came or went. */
  constructor(root, changed) {
    [this.root, this.changed] = [root, changed];
  }

  show({ token, left_ms }) {
    if (token === this.root.dataset.token) return;
    this.root.dataset.token = token;
    if (left_ms <= 0) return;
    clearTimeout(this.#timer);
    this.root.classList.add("on");
    this.changed(true);
    this.#timer = setTimeout(() => {
      this.root.classList.remove("on");
      this.changed(false);
    }, left_ms);
  }
}
