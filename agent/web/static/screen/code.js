/* The rating QR: drawn in every place that has one, for as long as it leads somewhere: an agent that fell silent cannot
   renew it. */

export class Code {
  #svg = null;
  #timer = 0;

  /** `gone()`: called when it was taken down because its time was over. */
  constructor(gone) {
    this.gone = gone;
  }

  show(code) {
    clearTimeout(this.#timer);
    if (code !== null && code.left_ms !== null) {
      this.#timer = setTimeout(() => {
        this.show(null);
        this.gone();
      }, code.left_ms);
    }
    document.body.classList.toggle("no-code", code === null);
    this.#draw(code?.svg ?? "");
    for (const place of document.querySelectorAll(".address")) place.replaceChildren(...breakable(code?.text ?? ""));
  }

  #draw(svg) {
    if (svg === this.#svg) return;
    this.#svg = svg;
    for (const place of document.querySelectorAll(".code")) {
      place.replaceChildren();
      if (svg === "") continue;
      const drawing = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
      document.body.style.setProperty("--modules", drawing.viewBox.baseVal.width);
      place.append(document.adoptNode(drawing));
    }
  }
}

/** An address that breaks after its slashes, where a reader expects it. */
function breakable(text) {
  return text.split(/(?<=\/)/).flatMap((part) => [part, document.createElement("wbr")]);
}
