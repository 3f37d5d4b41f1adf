import fc from 'fast-check'
import { expect, test } from 'vitest'
import { explainCommand } from '../../src/gateway/explain.ts'
import { COMMAND_CLASSES, type Routes } from '../../src/gateway/routes.ts'
import { driversFor, type RoutedDriver, routeOf, routeProblem } from '../../src/gateway/routing.ts'
import { readCommand } from '../../src/gateway/written-command.ts'
import { CAPABILITIES } from '../../src/power/driver.ts'

const RUNS = 20_000
const WORDS = 'chassis power bootdev raw sol sel reset status pxe disk off ipmitool = : 0x06 0x01 -- ResetType'.split(
  ' ',
)
const text = fc.oneof(
  fc.string({ maxLength: 100, unit: 'binary' }),
  fc.array(fc.constantFrom(...WORDS), { maxLength: 8 }).map((words) => words.join(' ')),
)
const driver: fc.Arbitrary<RoutedDriver> = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c'),
    capabilities: fc.uniqueArray(fc.constantFrom(...CAPABILITIES)).map((all) => new Set(all)),
    score: fc.integer({ min: 0, max: 100 }),
    resting: fc.boolean(),
    lastFailure: fc.option(fc.string({ maxLength: 20 })),
  })
  .map((each) => ({ ...each, kind: 'ipmi' }))
const drivers = fc.uniqueArray(driver, { selector: ({ name }) => name, maxLength: 3 })
const target = fc.constantFrom('none', 'reveille', 'drivers', 'a', 'b', 'c', 'gone', 'constructor', '__proto__')
const routes: fc.Arbitrary<Routes> = fc.dictionary(fc.constantFrom(...COMMAND_CLASSES), target)
const machine = fc.record({
  name: fc.constant('web1'),
  profile: fc.option(fc.constant('debian')),
  profileKind: fc.constantFrom(null, 'live', 'local'),
})

test('any text is a command or none, in little time', () => {
  fc.assert(
    fc.property(text, (given) => {
      const read = readCommand(given)
      expect(read === undefined || read.what.length > 0).toBe(true)
    }),
    { numRuns: RUNS },
  )
})

test('whatever is routed wherever, an explanation is made of sentences and agrees with what would be done', () => {
  const media = fc.option(fc.constant('disc'))
  const facts = fc.record({ routes, enabled: fc.boolean(), rule: fc.option(fc.constant('r')), media })
  fc.assert(
    fc.property(text, facts, machine, drivers, (command, bmc, of, all) => {
      const told = explainCommand(command, { bmc, machine: of, drivers: all })
      expect(told.steps.length).toBeGreaterThan(0)
      for (const step of told.steps) expect(step).not.toMatch(/undefined|\[object|^\s*$/)
      const read = readCommand(command)
      if (!read?.class || !read.capability) return
      const route = routeOf(bmc.routes, read.class)
      const asked = driversFor(route, read.capability, all)
      if (asked.length > 0) expect(told.works).toBe(bmc.enabled)
      if (!bmc.enabled || route.to === 'none') expect(told.works).toBe(false)
    }),
    { numRuns: RUNS },
  )
})

test('a route that is refused leads to nobody, and one that is not to somebody who can', () => {
  fc.assert(
    fc.property(fc.constantFrom(...COMMAND_CLASSES), target, drivers, (of, to, all) => {
      const problem = routeProblem(of, to, all)
      const named = all.find(({ name }) => name === to)
      if (named && !problem) expect([...named.capabilities].length).toBeGreaterThan(0)
      if (!named && !['none', 'reveille', 'drivers'].includes(to)) expect(problem?.message).toBeTruthy()
      if (problem) expect(problem.next).toContain(`${of} can go to`)
    }),
    { numRuns: RUNS },
  )
})
