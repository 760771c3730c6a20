/* The panel: a page in words that the agent lays over the screen. It goes at its end even when the agent is away. */

export class Panel {
  #timer = 0;

  constructor(root) {
    this.root = root;
  }

  show(panel) {
    clearTimeout(this.#timer);
    this.root.hidden = panel === null || panel.left_ms === 0;
    if (this.root.hidden) return;
    this.root.classList.toggle("strip", panel.is_strip);
    this.root.classList.toggle("with-code", panel.has_rating_code);
    for (const [place, text] of [["h2", panel.title], [".task", panel.ask], [".focus", panel.focus], [".note", panel.note]]) {
      this.root.querySelector(place).textContent = text;
    }
    this.root.querySelector("ul").replaceChildren(...panel.lines.map(line));
    const drawing = panel.drawing && new DOMParser().parseFromString(panel.drawing, "image/svg+xml").documentElement;
    this.root.querySelector(".drawing").replaceChildren(...(drawing ? [document.adoptNode(drawing)] : []));
    if (panel.left_ms !== null) this.#timer = setTimeout(() => this.show(null), panel.left_ms);
  }
}

function line({ label, value, mark }) {
  const item = Object.assign(document.createElement("li"), { className: mark });
  item.append(
    Object.assign(document.createElement("span"), { textContent: label }),
    Object.assign(document.createElement("b"), { textContent: value }),
  );
  return item;
}
