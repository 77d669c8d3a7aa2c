/**
 * Index settings as people write them (nested, with or without `index.`, numbers and booleans) and as a server says them
 * (flat, with `index.`, all text), made comparable.
 */

type Settings = Readonly<Record<string, unknown>>;

/** By their full names; where two are the same setting, the later. Values stay as they are. */
export function flatSettings(settings: Settings): Readonly<Record<string, unknown>> {
  const flat: Record<string, unknown> = {};
  const add = (name: string, value: unknown): void => {
    if (isObject(value)) {
      for (const [key, inner] of Object.entries(value)) add(name === '' ? key : `${name}.${key}`, inner);
      return;
    }
    flat[name.startsWith('index.') ? name : `index.${name}`] = value;
  };
  add('', settings);
  return flat;
}

/** A value as the server says it. */
export function settingText(value: unknown): string {
  if (Array.isArray(value)) return JSON.stringify(value.map(settingText));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const unitsMs: Readonly<Record<string, number>> = {
  nanos: 1e-6,
  micros: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `1h` → 3,600,000; negative for "never"; undefined for what is no time. */
export function durationMs(text: string): number | undefined {
  const [, digits = '', unit = 'ms'] = /^(-?\d+(?:\.\d+)?)(nanos|micros|ms|s|m|h|d)?$/.exec(text.trim()) ?? [];
  return digits === '' ? undefined : Number(digits) * (unitsMs[unit] ?? 1);
}

function isObject(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
