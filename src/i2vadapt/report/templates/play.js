// Hover and keyboard focus play a clip by style.css alone; a click or tap starts and stops it.
for (const clip of document.querySelectorAll(".clip button")) {
  const press = (on) => clip.setAttribute("aria-pressed", on);
  clip.addEventListener("click", () => press(clip.getAttribute("aria-pressed") !== "true"));
  clip.addEventListener("blur", () => press(false));
}
