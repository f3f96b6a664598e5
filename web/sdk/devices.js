// @ts-check
/** Devices: which cameras, microphones and speakers there are, and when that changes. */

/** A hub that is plugged in brings several devices, and each of them an event. */
const SETTLED = 250;

/**
 * @typedef {"camera" | "microphone" | "speaker"} DeviceKind
 * @typedef {{id: string, kind: DeviceKind, label: string}} Device `label` is empty until the browser has been allowed one
 */

/** @type {Record<string, DeviceKind>} */
const KINDS = { videoinput: "camera", audioinput: "microphone", audiooutput: "speaker" };

/**
 * @param {DeviceKind} [kind] all where it is not said
 * @returns {Promise<Device[]>} none where the browser gives pages no devices
 */
export async function devices(kind) {
  const found = (await globalThis.navigator?.mediaDevices?.enumerateDevices?.()) ?? [];
  const all = found.map((one) => ({ id: one.deviceId, kind: KINDS[one.kind], label: one.label }));
  return all.filter((one) => one.id && (!kind || one.kind === kind));
}

/**
 * Tell what there is whenever it is something else.
 * @param {(now: Device[], change: {added: Device[], removed: Device[]}) => void} changed
 * @returns {() => void} ends it
 */
export function onDeviceChange(changed) {
  /** @type {Device[] | null} */
  let before = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let ended = false;
  const look = async () => {
    const now = await devices().catch(() => before ?? []);
    const missing = (/** @type {Device[]} */ from, /** @type {Device[]} */ here) =>
      here.filter(({ id, kind }) => !from.some((one) => one.id === id && one.kind === kind));
    const change = { added: missing(before ?? now, now), removed: missing(now, before ?? now) };
    before = now;
    if (!ended && (change.added.length || change.removed.length)) changed(now, change);
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(look, SETTLED);
  };
  void look();
  globalThis.navigator?.mediaDevices?.addEventListener?.("devicechange", soon);
  return () => {
    ended = true;
    clearTimeout(timer);
    globalThis.navigator?.mediaDevices?.removeEventListener?.("devicechange", soon);
  };
}

/**
 * A track of this very camera or microphone, to publish or to replace another one's.
 * @param {"camera" | "microphone"} kind
 * @param {string} id
 * @param {MediaTrackConstraints} [wishes]
 */
export async function openDevice(kind, id, wishes = {}) {
  const constraints = { ...wishes, deviceId: { exact: id } };
  const what = kind === "camera" ? { video: constraints } : { audio: constraints };
  const [track] = (await navigator.mediaDevices.getUserMedia(what)).getTracks();
  return track;
}
