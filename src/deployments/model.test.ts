import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  ANN,
  DeploymentWorld,
  diskOf,
  hashOf,
  inventoryOf,
  OPERATOR,
  orderOf,
} from '../../test/fakes/deployment-world.ts'
import { type Deployment, isAtRest } from './deployment.ts'
import type { NewOrder } from './order.ts'
import type { AgentBoot } from './repository.ts'

/** Everything that can happen to one machine, in any order. */
const EVENTS = [
  'install',
  'keep',
  'wipe',
  'look',
  'boot',
  'inventory',
  'other disk',
  'next',
  'progress',
  'dirty',
  'ok',
  'failed',
  'failed dirty',
  'again',
  'cancel',
  'kill',
  'local',
  'minute',
  'hours',
  'full disk',
  'release',
  'retire',
  'on',
] as const
type Happening = (typeof EVENTS)[number]

const FUZZ = Number(process.env.REVEILLE_FUZZ_COUNT ?? 60)

const happenings = fc.array(
  // What makes a deployment go on comes more often than what disturbs it.
  fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom<Happening>(...EVENTS) },
    { weight: 4, arbitrary: fc.constant<Happening>('on') },
  ),
  { minLength: 1, maxLength: 80, size: 'max' },
)

const ORDERS: Partial<Record<Happening, (now: number) => Partial<NewOrder>>> = {
  install: () => ({}),
  keep: (now) => ({
    action: { kind: 'install', profile: 'kept' },
    reservedUntil: now + 3_600_000,
    release: 'wipe',
  }),
  wipe: () => ({ action: { kind: 'wipe', method: 'auto' } }),
  look: () => ({ action: { kind: 'inventory' }, arm: [] }),
}

class Play {
  readonly world: DeploymentWorld
  readonly orders: Deployment[] = []
  readonly over = new Map<string, string>()
  boot: AgentBoot | undefined
  task: { id: string; task: { kind: string } } | undefined
  last: string | undefined
  looked = false

  constructor(world: DeploymentWorld) {
    this.world = world
  }

  async happens(what: Happening): Promise<void> {
    const { world } = this
    const { deployments, clock } = world
    const { agents } = deployments
    const order = ORDERS[what]
    if (order) {
      this.orders.push(await deployments.create('m_1', orderOf(order(clock.now())), ANN).catch(refused))
      return
    }
    const boot = this.boot && agents.boot(this.boot.id)
    switch (what) {
      case 'boot':
        clock.advance(30_000)
        this.boot = deployments.bootFor('m_1')?.what === 'agent' ? await world.boot() : undefined
        this.task = undefined
        return
      case 'inventory':
      case 'other disk':
        if (boot) await agents.inventory(boot, inventoryOf(diskOf(what === 'inventory' ? 'SER1' : 'SER9')))
        return
      case 'next':
        if (boot) await this.next(boot)
        return
      case 'progress':
      case 'dirty':
        if (boot && this.task) await this.report(boot, what === 'dirty')
        return
      case 'ok':
      case 'failed':
      case 'failed dirty':
      case 'again': {
        const id = what === 'again' ? this.last : this.task?.id
        if (!boot || !id) return
        const detail = this.task?.task.kind === 'capture' ? { chunks: hashOf(clock.now() % 7) } : {}
        const clean = what !== 'failed dirty'
        await agents.result(boot, id, { ok: what === 'ok' || what === 'again', summary: what, clean, detail })
        this.last = id
        if (what !== 'again') this.task = undefined
        return
      }
      case 'cancel': {
        const open = (await this.all()).find((d) => !isAtRest(d))
        if (open) await deployments.cancel(open.id, OPERATOR)
        return
      }
      case 'release': {
        for (const d of await this.all()) await deployments.release(d.id, OPERATOR).catch(() => undefined)
        return
      }
      case 'on':
        return this.happens(await this.on())
      case 'kill':
        return world.restart()
      case 'local':
        if (deployments.bootFor('m_1')?.what === 'local') await deployments.launchedLocal('m_1')
        return
      case 'minute':
        return world.pass(60_000, 20_000)
      case 'hours':
        return world.pass(30 * 3_600_000, 1_800_000)
      case 'retire': {
        const machine = world.machines.get('m_1')!
        if (machine.state !== 'deploying')
          world.machines.set('m_1', { ...machine, state: machine.state === 'retired' ? 'ready' : 'retired' })
        return
      }
      case 'full disk': {
        world.rows.failing = new Error('database or disk is full')
        try {
          if (boot) await this.next(boot)
          await deployments.tick()
        } catch {
          // It is refused, and nothing is lost by it.
        }
        world.rows.failing = undefined
      }
    }
  }

  /** What comes next when all goes well. */
  async on(): Promise<Happening> {
    const { deployments } = this.world
    const wanted = deployments.bootFor('m_1')?.what
    if (wanted === undefined || wanted === 'park') return 'install'
    if (wanted === 'local') return 'local'
    const boot = this.boot && deployments.agents.boot(this.boot.id)
    if (!boot) return 'boot'
    const d = await this.current()
    if (d?.tasks.length === 0) return 'inventory'
    if (!this.task) return 'next'
    return this.task.task.kind === 'flash' && !d?.dirty ? 'dirty' : 'ok'
  }

  async next(boot: AgentBoot): Promise<void> {
    this.task = await this.world.next(boot)
    if (!this.task) return
    const { kind } = this.task.task
    const writes = kind === 'flash' || kind === 'wipe' || kind === 'identity' || kind === 'boot-entry'
    if (!writes) return
    const d = await this.current()
    const task = d?.tasks.find(({ id }) => id === this.task?.id)
    expect(d && !isAtRest(d), 'only an open deployment writes').toBe(true)
    expect(task?.state).toBe('running')
    expect(
      d?.armed.map(({ disk }) => disk),
      'only armed disks are written',
    ).toContain('SER1')
    expect(JSON.stringify(this.task.task)).toContain('SER1')
    const unsaved = d!.tasks.filter(({ work, state }) => work.kind === 'capture' && state !== 'done')
    expect(unsaved, 'everything is saved before anything is written').toEqual([])
  }

  async report(boot: AgentBoot, dirty: boolean): Promise<void> {
    const { stop } = await this.world.report(boot, this.task!.id, dirty)
    const d = await this.current()
    if (!dirty || stop || !['flash', 'wipe'].includes(this.task!.task.kind)) return
    expect(d?.dirty, 'who may write has been recorded').toBe(true)
    const marks = (await this.world.rows.disks()).filter(({ halfWrittenBy }) => halfWrittenBy === d?.id)
    expect(marks, 'durably').toHaveLength(1)
  }

  async all(): Promise<Deployment[]> {
    return (await this.world.deployments.ofMachine('m_1', { limit: 500 })).reverse()
  }

  async current(): Promise<Deployment | undefined> {
    return (await this.all()).find((d) => !isAtRest(d) && d.state !== 'queued')
  }

  /** What holds at every moment. */
  async look(): Promise<void> {
    const all = await this.all()
    const going = all.filter((d) => !isAtRest(d) && d.state !== 'queued')
    expect(going.length, 'one at a time').toBeLessThanOrEqual(1)
    const current = going[0]
    for (const d of all) {
      if (isAtRest(d)) {
        const end = `${d.state} ${d.endedAt} ${d.tasks.map(({ state }) => state).join()}`
        expect(this.over.get(d.id) ?? end, 'an end stays as it is').toBe(end)
        this.over.set(d.id, end)
        expect(d.tasks.filter(({ state }) => state === 'running' || state === 'waiting')).toEqual([])
        continue
      }
      expect(d.reason, 'every wait has a reason').not.toBe('')
      expect(d.next, 'and a next step').not.toBe('')
      if (d.state === 'queued') expect(d.startedAt).toBeNull()
      else expect(d.deadlineAt, `${d.state} has a deadline`).not.toBeNull()
      if (current && d !== current && current.follows === null)
        expect(d.sequence > current.sequence || d.follows !== null, 'first in, first out').toBe(true)
    }
    const { rows, deployments, machines } = this.world
    for (const d of this.orders) expect(await rows.get(d.id), 'what was acknowledged is kept').toBeDefined()
    const wanted = deployments.bootFor('m_1')
    if (current) expect(['agent', 'local']).toContain(wanted?.what)
    else expect(['park', undefined], 'without an open deployment nobody gets the management OS').toContain(wanted?.what)
    const half = (await rows.disks()).some(({ halfWrittenBy }) => halfWrittenBy !== null)
    if (half) expect(wanted?.what, 'a half-written disk is never booted').not.toBe('local')
    if (half && !current) expect(wanted?.what).toBe('park')
    expect(machines.get('m_1')!.state === 'deploying').toBe(current !== undefined)
  }
}

function refused(error: unknown): never {
  // The property fails by what it did not expect, not by a refusal of a machine that is out of use.
  throw Object.assign(new Error('refused'), { cause: error })
}

test('whatever happens in whatever order, the promises hold', async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(happenings, async (events) => {
      const play = new Play(await DeploymentWorld.open())
      for (const what of events) {
        try {
          await play.happens(what)
        } catch (error) {
          if (!(error instanceof Error) || error.message !== 'refused') throw error
        }
        await play.look()
        for (const { state } of await play.all()) seen.add(state)
      }
    }),
    { numRuns: FUZZ },
  )
  // Otherwise the property would hold for lack of anything that happens.
  expect(seen).toContain('succeeded')
  expect(seen).toContain('writing')
  expect(seen).toContain('rebooting')
}, 120_000)

test('from no sequence of boots, results and crashes does a finished deployment write again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), happenings, async (succeeds, events) => {
      const world = await DeploymentWorld.open()
      const d = await world.deployments.create('m_1', orderOf(), ANN)
      if (succeeds) await world.through()
      else await world.deployments.cancel(d.id, ANN)
      const play = new Play(world)
      for (const what of events) {
        if (ORDERS[what] || what === 'on') continue
        await play.happens(what)
        expect(world.deployments.bootFor('m_1')).toBeUndefined()
        expect(await world.deployments.ofMachine('m_1', { limit: 5 })).toHaveLength(1)
      }
      expect((await world.deployments.get(d.id))?.state).toBe(succeeds ? 'succeeded' : 'cancelled')
    }),
    { numRuns: FUZZ },
  )
}, 120_000)
