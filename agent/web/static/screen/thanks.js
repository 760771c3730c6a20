/* The thank-you: the same for every rating. It lasts what the agent says is left of it; a new token starts anew. */

export class Thanks {
  #timer = 0;

  constructor(root) {
    this.root = root;
  }

  show({ token, left_ms }) {
    if (token === this.root.dataset.token) return;
    this.root.dataset.token = token;
    if (left_ms <= 0) return;
    clearTimeout(this.#timer);
    this.root.classList.add("on");
    this.#timer = setTimeout(() => this.root.classList.remove("on"), left_ms);
  }
}
