/* Every text with its worst contrast against the ground it stands on. */
() => {
  const colours = (text) => [...text.matchAll(/rgba?\(([^)]+)\)/g)].map((match) => match[1].split(/[ ,/]+/).map(Number));
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const under = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      const found = [...colours(style.backgroundImage), ...colours(style.backgroundColor)].filter((c) => c.length < 4 || c[3] > 0.99);
      if (found.length > 0) return found;
    }
    return [[255, 255, 255]];
  };
  const all = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest("script")) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const worst = Math.min(...under(element).map((ground) => ratio(colours(style.color)[0], ground)));
    all.push({ text: node.textContent.trim(), isLarge: size >= 32 || (size >= 24 && Number(style.fontWeight) >= 700), ratio: worst });
  }
  return all;
}
