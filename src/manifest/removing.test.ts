import { expect, test } from 'vitest'
import { machine } from '../../test/conformance/values.ts'
import { Watched } from '../../test/fakes/watched.ts'
import type { Machines } from '../machines/machines.ts'
import type { Profiles } from '../profiles/profiles.ts'
import type { BmcKeeper } from './bmcs.ts'
import { holding } from './removing.ts'

test('looks at each machine a few times, however many profiles and BMCs are pruned', () => {
  const watched = new Watched()
  const all = Array.from({ length: 500 }, (_, n) =>
    watched.watch(machine(n, { name: `pc${n}`, profile: `p${n}`, tags: [], nextBoot: null })),
  )
  const machines = { find: () => undefined } as unknown as Machines
  const gateway = { rules: () => [] } as unknown as BmcKeeper
  const coming = { machines: all, profiles: [], texts: new Map() }
  const holder = holding({ machines, profiles: {} as Profiles, gateway }, coming)
  const looks = watched.during(() => {
    for (let n = 0; n < 500; n++) {
      expect(holder('bmc', `pc${n}`, new Set())).toBeUndefined()
      expect(holder('profile', `p${n}`, new Set())).toBe(`the machine pc${n} boots it`)
      expect(holder('profile', `p${n}`, new Set([`machine pc${n}`]))).toBeUndefined()
    }
  })
  expect(looks).toBeLessThan(500 * 20)
})
