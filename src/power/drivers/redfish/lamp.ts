import { type Document, field, object, text } from './fields.ts'

/** The PATCH that lights the lamp or puts it out; `undefined` where the machine shows no lamp. */
export function lampPatch(system: Document, lit: boolean): Document | undefined {
  if (typeof field(system, 'LocationIndicatorActive') === 'boolean') return { LocationIndicatorActive: lit }
  if (Object.hasOwn(object(system), 'IndicatorLED')) return { IndicatorLED: lit ? 'Lit' : 'Off' }
  return undefined
}

/** What is shown other than ordered; `undefined` when it is so. */
export function lampDifference(system: Document, lit: boolean): string | undefined {
  const active = field(system, 'LocationIndicatorActive')
  if (typeof active === 'boolean') return active === lit ? undefined : `it ${active ? 'lit' : 'off'}`
  const led = text(field(system, 'IndicatorLED')) ?? 'nothing'
  return (led === 'Lit' || led === 'Blinking') === lit ? undefined : led
}
