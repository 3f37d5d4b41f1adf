import { describe, expect, test } from 'vitest'
import { DRIVER_KINDS, DRIVER_SECRETS, DriverSettings } from '../../power/settings.ts'
import { type DriverKind, KINDS, placeOf, settingsOf, typedOf } from './fields.ts'

describe('the form of a driver', () => {
  test('has every kind that can be added, and exactly its secrets', () => {
    expect([...Object.keys(KINDS), 'lab', 'agent'].sort()).toEqual([...DRIVER_KINDS].sort())
    for (const [kind, { secrets }] of Object.entries(KINDS))
      expect(secrets.map(({ name }) => name).sort()).toEqual([...DRIVER_SECRETS[kind as DriverKind]].sort())
  })

  test('makes settings that the server takes, from no more than what must be given', () => {
    const least: Record<string, string> = {
      address: '10.0.0.5',
      url: 'https://10.0.0.5',
      model: 'apc-rpdu',
      outlet: '3',
    }
    for (const kind of Object.keys(KINDS) as DriverKind[]) {
      const needed = KINDS[kind].fields.filter((field) => field.needed).map(({ name }) => [name, least[name]!])
      const settings = settingsOf(kind, Object.fromEntries(needed))
      expect(DriverSettings.safeParse(settings).error, kind).toBeUndefined()
    }
  })

  test('shows what is kept and gives it back as it was', () => {
    const kept = DriverSettings.parse({ kind: 'wol', macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'] })
    expect(DriverSettings.parse(settingsOf('wol', typedOf(kept)))).toEqual(kept)
    const http = DriverSettings.parse({
      kind: 'http',
      url: 'https://a.example',
      preset: 'x',
      variables: { device: '1' },
    })
    expect(DriverSettings.parse(settingsOf('http', typedOf(http)))).toEqual(http)
    expect(placeOf(http)).toBe('https://a.example')
  })

  test('says which field is no JSON', () => {
    expect(() => settingsOf('http', { url: 'https://a.example', variables: '{' })).toThrow('Variables: this is no JSON')
  })
})
