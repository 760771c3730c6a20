/* Texts outside their box or the window, and pieces that lie on one another. */
() => {
  const bad = [];
  const visible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !visible(element) || element.closest("script")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const text = range.getBoundingClientRect();
    for (const box of [element.closest("header, footer, .rail, .idle, .thanks") ?? document.body, document.documentElement]) {
      const frame = box.getBoundingClientRect();
      const outside = Math.max(frame.left - text.left, text.right - frame.right, frame.top - text.top, text.bottom - frame.bottom);
      if (outside > 1) bad.push(`"${node.textContent.trim()}" is ${outside.toFixed(1)} px outside ${box.tagName}.${box.className}`);
    }
  }
  for (const message of document.querySelectorAll(".message")) {
    const beyond = message.scrollHeight - message.clientHeight;
    if (visible(message) && beyond > 0) bad.push(`${message.parentElement.className} goes ${beyond} px beyond its place`);
  }
  const pieces = [...document.querySelectorAll("header > *, footer > *, .rail .card, .rail h2, .idle .name, .idle .card, .idle h3")]
    .filter((piece) => visible(piece) && piece.getBoundingClientRect().width > 0);
  for (const [at, one] of pieces.entries()) for (const other of pieces.slice(at + 1)) {
    const a = one.getBoundingClientRect(), b = other.getBoundingClientRect();
    if (one.closest(".idle") !== other.closest(".idle") || one.contains(other) || other.contains(one)) continue;
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left), down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 1 && down > 1) bad.push(`${one.className || one.tagName} and ${other.className || other.tagName} overlap`);
  }
  return bad;
}
