/* The unit's colours and logo. */

export function dress({ colours, logo, is_flat, is_safe }) {
  document.documentElement.classList.toggle("flat", is_flat);
  document.documentElement.classList.toggle("safe", is_safe);
  for (const [name, colour] of Object.entries(colours)) {
    document.documentElement.style.setProperty(`--${name.replace("_", "-")}`, colour);
  }
  const place = document.querySelector(".logo");
  if (place.dataset.url === (logo ?? "")) return;
  place.dataset.url = logo ?? "";
  const picture = Object.assign(new Image(), { alt: "", src: logo ?? "" });
  place.replaceChildren();
  if (logo !== null) picture.decode().then(() => place.replaceChildren(picture), () => {});
}
