/** IPMI 2.0 table 43-15: how a reading of one byte becomes a value: y = L((m·x + b·10^bExponent) · 10^exponent). */
export type SensorFactors = Readonly<{
  /** How the byte counts: as 0 to 255, or with a sign in one's or two's complement; `null`: there is no value. */
  format: 'unsigned' | 'ones' | 'twos' | null
  m: number
  b: number
  bExponent: number
  exponent: number
  /** Number of the function L; 0: none. */
  linearization: number
}>

export const LINEAR = 0

/** IPMI 2.0 table 43-1, byte 24: functions 0 to 11. */
const FUNCTIONS: readonly ((x: number) => number)[] = [
  (x) => x,
  Math.log,
  Math.log10,
  Math.log2,
  Math.exp,
  (x) => 10 ** x,
  (x) => 2 ** x,
  (x) => 1 / x,
  (x) => x * x,
  (x) => x ** 3,
  Math.sqrt,
  Math.cbrt,
]

function signed(raw: number, format: SensorFactors['format']): number {
  if (format === 'unsigned' || raw < 0x80) return raw
  return format === 'ones' ? raw - 0xff : raw - 0x100
}

/** `undefined` where the byte has no value, or it follows no function that we know. */
export function sensorValue(factors: SensorFactors, raw: number): number | undefined {
  const linearize = FUNCTIONS[factors.linearization]
  if (factors.format === null || linearize === undefined) return undefined
  const { m, b, bExponent, exponent } = factors
  const value = linearize(shift(m * signed(raw, factors.format) + shift(b, bExponent), exponent))
  return Number.isFinite(value) ? value : undefined
}

/** `value · 10^exponent`; divides for negative exponents, which rounds 201 · 6 · 10^-2 to 12.06 and not beside it. */
function shift(value: number, exponent: number): number {
  return exponent < 0 ? value / 10 ** -exponent : value * 10 ** exponent
}

/** The byte whose value is nearest, for linear factors; at most what the byte can say. */
export function sensorRaw(factors: SensorFactors, value: number): number {
  const { m, b, bExponent, exponent, format } = factors
  const x = Math.round((shift(value, -exponent) - shift(b, bExponent)) / m)
  if (format === 'twos') return Math.max(-128, Math.min(127, x)) & 0xff
  return Math.max(0, Math.min(255, x))
}

export const factorsHold = (factors: SensorFactors, value: number): boolean =>
  Math.abs((sensorValue(factors, sensorRaw(factors, value)) ?? Number.NaN) - value) <=
  shift(Math.abs(factors.m), factors.exponent)

/** What a byte must be able to say: everything up to `peak` on either side, some values as exactly as can be. */
export type FactorsWish = Readonly<{ peak: number; isSigned: boolean; exact: readonly number[] }>

const SMALLEST_EXPONENT = -8
const LARGEST_EXPONENT = 7

/**
 * Linear factors for a sensor. The steps that are tried are at most half again as coarse as they must be, and the one that
 * misses the `exact` values least is taken; among equals the roundest.
 */
export function chooseFactors(wish: FactorsWish): SensorFactors {
  const steps = wish.isSigned ? 127 : 255
  const finest = Math.max(wish.peak, 1e-6) / steps
  let best: SensorFactors | undefined
  let bestMiss = Number.POSITIVE_INFINITY
  // A crooked step must be worth it: a twentieth of a step for each value.
  const gain = (finest * Math.max(1, wish.exact.length)) / 20
  for (const [m, exponent] of candidates(finest)) {
    const factors: SensorFactors = {
      format: wish.isSigned ? 'twos' : 'unsigned',
      m,
      b: 0,
      bExponent: 0,
      exponent,
      linearization: LINEAR,
    }
    const miss = wish.exact.reduce(
      (sum, value) => sum + Math.abs((sensorValue(factors, sensorRaw(factors, value)) ?? 0) - value),
      0,
    )
    if (best === undefined || miss < bestMiss - gain) {
      best = factors
      bestMiss = miss
    }
  }
  return best!
}

/** Steps `m · 10^exponent` from the finest that will do to half again as coarse, the roundest first. */
function candidates(finest: number): [number, number][] {
  const found: [number, number][] = []
  const exponent = Math.max(SMALLEST_EXPONENT, Math.min(LARGEST_EXPONENT - 1, Math.floor(Math.log10(finest))))
  for (let m = 1; m <= 20; m++) if (fits(shift(m, exponent), finest)) found.push([m, exponent])
  const roundness = ([m]: [number, number]): number => (m === 10 ? 0 : [1, 2, 5].includes(m) ? 1 : m % 5 === 0 ? 2 : 3)
  found.sort((a, b) => roundness(a) - roundness(b))
  if (exponent > SMALLEST_EXPONENT)
    for (let m = 11; m <= 200; m++)
      if (m % 10 !== 0 && fits(shift(m, exponent - 1), finest)) found.push([m, exponent - 1])
  return found.length > 0 ? found : [[511, LARGEST_EXPONENT]]
}

const fits = (step: number, finest: number): boolean => step >= finest * (1 - 1e-9) && step <= finest * 1.5
