/* Server-sent events with a watch on their silence. The browser reconnects after a clean break; a link that
   is open but mute (15 s without even a heartbeat), or that was refused, is opened again from here. */

const SILENCE_MS = 15_000;
const LOOK_MS = 1_000;

/** Follow `url`; `heard` maps event names to functions of their data. `linked(isLinked)` tells when the link is lost or back. */
export function follow(url, heard, linked = () => {}) {
  let source = null;
  let openedAt = 0;
  let heardAt = 0;
  let isLinked = null;

  function tell(now) {
    const is = heardAt > 0 && now - heardAt < SILENCE_MS && source.readyState !== EventSource.CLOSED;
    if (is !== isLinked) linked((isLinked = is));
  }

  function open() {
    source?.close();
    source = new EventSource(url);
    openedAt = performance.now();
    for (const name of ["beat", ...Object.keys(heard)]) {
      source.addEventListener(name, (event) => {
        heardAt = performance.now();
        tell(heardAt);
        heard[name]?.(JSON.parse(event.data));
      });
    }
  }

  open();
  setInterval(() => {
    const now = performance.now();
    tell(now);
    const isMute = now - Math.max(openedAt, heardAt) >= SILENCE_MS;
    if (isMute || source.readyState === EventSource.CLOSED) open();
  }, LOOK_MS);
}

/** Send `body` up; false when nobody took it. */
export async function post(url, body) {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    });
    return answer.ok;
  } catch {
    return false;
  }
}
