import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import { type CaseResult, runService } from './service-vm/vm.ts'

/** From switching it on to its end; without KVM each command takes seconds. */
const RUN_MS = 3_600_000
/** Its system is made of Debian packages the first time. */
const MAKE_MS = 900_000
/** A package that is there already, for work on the tests. */
const GIVEN = process.env.REVEILLE_TEST_DEB

/** The Debian package under a real systemd, in a virtual machine with Debian's kernel. */
describe.runIf(process.env.REVEILLE_SOAK)('the packaged service', () => {
  let results: CaseResult[] = []
  let printed = ''
  beforeAll(async () => {
    if (GIVEN === undefined) execFileSync('node_modules/.bin/node', ['scripts/build-deb.ts'], { stdio: 'inherit' })
    const ran = await runService(GIVEN ?? 'dist/deb/reveille.deb', RUN_MS)
    results = ran.results
    printed = ran.printed
    console.log(results.map(({ name, ms, error }) => `${error === null ? 'ok  ' : 'FAIL'} ${ms} ms ${name}`).join('\n'))
  }, MAKE_MS + RUN_MS)

  test('does what its manual says, from its installation to its removal', () => {
    expect(results.filter(({ error }) => error !== null)).toEqual([])
  })

  test('came to its end, through a restart and a power cut', () => {
    expect(
      results.map(({ name }) => name),
      printed,
    ).toContain('cut: is removed, and its data stays')
  })
})
