/* The components' cards, for the status page and the demo: drawn anew whenever something changed. */

export function drawComponents(list, components) {
  const since = list.dataset.since;
  list.replaceChildren(
    ...components.map((component) => {
      const card = element("li", component.status);
      card.append(
        element("p", "word", component.word),
        element("h3", "", component.label),
        element("p", "message", component.message),
      );
      if (component.hint) card.append(element("p", "hint", component.hint));
      const when = element("p", "since", `${since} ${component.at}`);
      if (component.code !== "OK") when.append(" · ", element("code", "", component.code));
      card.append(when);
      return card;
    }),
  );
}

export function element(name, className, text = "") {
  return Object.assign(document.createElement(name), { className, textContent: text });
}
