/* How long the page waits for what, in milliseconds. */

export const PACE = {
  fade: 500,
  ready: 10_000, // to load and decode an item while the one before it stands
  firstFrame: 3_000, // from a film's start to its first picture
  frozen: 4_000, // without a new picture in a film
  pastEnd: 5_000, // beyond a film's length
  look: 250, // between two looks at a film
  rest: 60_000, // of an item that failed once; doubles up to
  restLimit: 3_600_000,
  beat: 5_000,
  line: 9_000, // a line in the footer
  care: 180_000, // between two steps of what always stands in one place
};
