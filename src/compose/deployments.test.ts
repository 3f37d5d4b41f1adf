import { expect, test } from 'vitest'
import { serveHandlers } from '../../test/fakes/boot-server.ts'
import { RecordedTraces } from '../../test/fakes/traces.ts'
import { serveConfigure } from '../boot/configure/serve.ts'
import type { Configs } from '../configs/configs.ts'
import { type BootFacts, SAMPLE_MACHINE } from '../configs/facts.ts'
import { ManualClock } from '../kit/clock.ts'
import { SILENT } from '../kit/log.ts'
import { installConfigs } from './deployments.ts'

const DAY_MS = 86_400_000

test('the address that is written into an installed system reaches its deployment, for a week, and nothing else', async () => {
  const key = new Uint8Array(32).fill(7)
  const clock = new ManualClock()
  const heard: string[] = []
  const server = await serveHandlers(
    serveConfigure({
      ...{ key, clock, log: SILENT, traces: new RecordedTraces() },
      machines: {
        get: (id) => (id === SAMPLE_MACHINE.id ? SAMPLE_MACHINE : undefined),
        launched: async () => undefined,
      },
      profiles: { get: () => undefined },
      deployments: {
        phonedHome: async (machine, deployment) => {
          heard.push(`${machine} ${deployment}`)
          return { counts: true, reason: 'it was awaited' }
        },
      },
    }),
  )
  try {
    const given: BootFacts[] = []
    const configs = { render: (_: string, __: object, boot: BootFacts) => given.push(boot) } as unknown as Configs
    installConfigs(configs, { key, clock, server: () => server.base }).render('node@1', SAMPLE_MACHINE, 'd_0123456789')
    const told = given[0]!
    const ask = async (path: string) => (await fetch(path, { method: 'POST' })).status
    clock.advance(7 * DAY_MS - 1000)
    expect(await ask(told.home)).toBe(204)
    expect(heard).toEqual([`${SAMPLE_MACHINE.id} d_0123456789`])
    expect((await fetch(`${told.files}/user-data`)).status).toBe(403)
    clock.advance(2000)
    expect(await ask(told.home)).toBe(403)
    expect(heard).toHaveLength(1)
  } finally {
    await server.close()
  }
})
