import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * As much of vitest as the conformance suites use, so that they run from one bundled file in a virtual server, where there is no
 * time for vitest itself.
 */
type Work = () => unknown
type Scope = { name: string; parent: Scope | undefined; before: Work[]; after: Work[] }

export type Case = Readonly<{ name: string; run: () => Promise<void> }>

export const CASES: Case[] = []
const scopes = new AsyncLocalStorage<Scope>()

export function describe(name: string, work: Work): void {
  const scope = { name, parent: scopes.getStore(), before: [], after: [] }
  scopes.run(scope, work)
}

export function beforeEach(work: Work): void {
  scopes.getStore()?.before.push(work)
}

export function afterEach(work: Work): void {
  scopes.getStore()?.after.push(work)
}

export function test(name: string, ...rest: readonly unknown[]): void {
  const work = rest.find((each) => typeof each === 'function') as Work
  const chain: Scope[] = []
  for (let scope = scopes.getStore(); scope; scope = scope.parent) chain.unshift(scope)
  CASES.push({
    name: [...chain.map((scope) => scope.name), name].join(': '),
    async run() {
      const problems: unknown[] = []
      const attempt = async (works: readonly Work[]) => {
        for (const each of works)
          try {
            await each()
          } catch (error) {
            problems.push(error)
            return
          }
      }
      await attempt([...chain.flatMap(({ before }) => before), work])
      await attempt([...chain].reverse().flatMap(({ after }) => after))
      if (problems.length > 0) throw problems[0]
    },
  })
}

const matchers = (value: unknown) => ({
  toBe: (wanted: unknown) => assert.ok(Object.is(value, wanted), `${show(value)} is not ${show(wanted)}`),
  toEqual: (wanted: unknown) => assert.deepEqual(value, wanted),
  toMatchObject: (wanted: Record<string, unknown>) => {
    for (const [key, each] of Object.entries(wanted))
      assert.deepEqual((value as Record<string, unknown>)[key], each, `${key} of ${show(value)}`)
  },
  toBeGreaterThan: (wanted: number) => assert.ok((value as number) > wanted, `${value} <= ${wanted}`),
  toBeGreaterThanOrEqual: (wanted: number) => assert.ok((value as number) >= wanted, `${value} < ${wanted}`),
  toBeLessThanOrEqual: (wanted: number) => assert.ok((value as number) <= wanted, `${value} > ${wanted}`),
})

export function expect(value: unknown) {
  const refused = async () => {
    try {
      await value
    } catch (error) {
      return error
    }
    return assert.fail('it was not refused')
  }
  return {
    ...matchers(value),
    rejects: {
      toMatchObject: async (wanted: Record<string, unknown>) => matchers(await refused()).toMatchObject(wanted),
    },
    resolves: { toEqual: async (wanted: unknown) => matchers(await value).toEqual(wanted) },
  }
}

const show = (value: unknown) => (value instanceof Error ? `${value.name}: ${value.message}` : String(value))
