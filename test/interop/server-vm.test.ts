import { beforeAll, describe, expect, test } from 'vitest'
import { type InsideResult, runInside } from './server-vm/vm.ts'

/** From switching it on to its end; without KVM it takes some minutes. */
const RUN_MS = process.env.REVEILLE_SOAK ? 1_800_000 : 900_000
/** Its system is made of Debian packages the first time. */
const MAKE_MS = 900_000
const PARTS = ['lio', 'lvm', 'storage', ...(process.env.REVEILLE_SOAK ? ['thin'] : [])]

describe('in a virtual server with LVM and LIO', () => {
  let results: InsideResult[] = []
  let printed = ''
  beforeAll(async () => {
    const ran = await runInside(process.env.REVEILLE_SOAK ? PARTS.map((part) => `${part}-all`) : PARTS, RUN_MS)
    results = ran.results
    printed = ran.printed
    console.log(results.map(({ name, ms, error }) => `${error === null ? 'ok  ' : 'FAIL'} ${ms} ms ${name}`).join('\n'))
  }, MAKE_MS + RUN_MS)

  test.each(PARTS)('%s does all that its suite asks', (part) => {
    const own = results.filter(({ name }) => name.startsWith(`${part}:`))
    expect(own.filter(({ error }) => error !== null)).toEqual([])
    expect(own.length, printed).toBeGreaterThan(4)
  })
})
