/* Words as large as their place allows, and never smaller than can be read. */

// 0.6 is the floor for messages that keep to their length: lines of 54 px become 32; below it the window is small
const SIZES = [1, 0.92, 0.84, 0.77, 0.71, 0.65, 0.6, 0.55, 0.5, 0.46, 0.42, 0.38, 0.35];

/** Give `root` the largest `--fit`, by which its sizes are multiplied, with which nothing leaves it. */
export function fit(root) {
  for (const size of SIZES) {
    root.style.setProperty("--fit", size);
    if (root.scrollHeight <= root.clientHeight && root.scrollWidth <= root.clientWidth) return;
  }
}

/** Every message that stands now. */
export function fitMessages() {
  for (const message of document.querySelectorAll(".message")) if (message.checkVisibility()) fit(message);
}

/** Give `element` the first of the `sizes`, in pixels of the drawing, with which `isRight`. */
export function fitSize(element, sizes, isRight) {
  for (const size of sizes) {
    element.style.setProperty("--size", size);
    if (isRight(element) && element.scrollWidth <= element.clientWidth) return;
  }
}
