import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'
import { TOPICS } from '../../events/event.ts'
import { createClient } from '../client/client.ts'
import { watchEvents } from '../client/events.ts'
import { nodeTransport } from '../client/node.ts'
import type { Event } from '../contract/server.ts'
import { mayHear } from './events.ts'

let world: World
/** Whoever else of the server listens. */
let others: number
const stops: (() => void)[] = []
beforeEach(async () => {
  world = await openWorld()
  others = world.events.listeners
})
afterEach(async () => {
  for (const stop of stops.splice(0)) stop()
  await world.close()
})

/** Follows the stream and resolves when it is open. */
async function watch(token: string) {
  const heard: Event[] = []
  const seen = { heard, resets: 0, problems: [] as string[] }
  const opened = new Promise<void>((resolve) => {
    const stop = watchEvents(createClient(nodeTransport({ url: world.url, token })), {
      onEvent: (event) => heard.push(event),
      onReset: () => {
        seen.resets++
        resolve()
      },
      onProblem: ({ code }, final) => seen.problems.push(`${code}${final ? ', final' : ''}`),
    })
    stops.push(stop)
  })
  await opened
  return seen
}

describe('the event stream', () => {
  test('tells what changed', async () => {
    const { token, client } = await world.as('operator')
    const { heard } = await watch(token)
    const { id } = await client.createMachine({ body: { macs: ['52:54:00:00:00:01'] } })
    await expect.poll(() => heard).toEqual([{ topic: 'machine', id, change: 'saved' }])
    await client.deleteMachine({ params: { machine: id } })
    await expect.poll(() => heard.at(-1)).toEqual({ topic: 'machine', id, change: 'removed' })
  })

  test('tells a burst about one thing once, with its newest change last', async () => {
    const { heard } = await watch((await world.as('viewer')).token)
    for (let i = 0; i < 500; i++) world.events.publish({ topic: 'trace', id: 't_1', change: 'saved' })
    world.events.publish({ topic: 'machine', id: 'm_1', change: 'saved' })
    world.events.publish({ topic: 'trace', id: 't_1', change: 'removed' })
    await expect
      .poll(() => heard)
      .toEqual([
        { topic: 'machine', id: 'm_1', change: 'saved' },
        { topic: 'trace', id: 't_1', change: 'removed' },
      ])
  })

  test('loses nothing silently: who cannot follow is told to begin anew', async () => {
    const seen = await watch((await world.as('viewer')).token)
    expect(seen.resets).toBe(1)
    for (let i = 0; i < 2500; i++) world.events.publish({ topic: 'trace', id: `t_${i}`, change: 'saved' })
    await expect.poll(() => seen.resets).toBe(2)
    await expect.poll(() => seen.heard.length).toBe(500)
  })

  test('keeps from each reader what they may not read', async () => {
    const tokens = [await world.as('viewer'), await world.as('admin')] as const
    const few = await world.as('admin', ['events:read', 'images:read'])
    const [viewer, admin] = [await watch(tokens[0].token), await watch(tokens[1].token)]
    const narrow = await watch(few.token)
    for (const topic of TOPICS) world.events.publish({ topic, id: 'x', change: 'saved' })
    await expect.poll(() => admin.heard.length).toBe(TOPICS.length)
    await expect.poll(() => viewer.heard.length).toBe(TOPICS.length - 2)
    expect(viewer.heard.map(({ topic }) => topic)).not.toContain('user')
    expect(viewer.heard.map(({ topic }) => topic)).not.toContain('token')
    await expect.poll(() => narrow.heard).toEqual([{ topic: 'image', id: 'x', change: 'saved' }])
  })

  test('ends at once for a disabled user, and the client does not knock again', async () => {
    const seen = await watch((await world.as('viewer')).token)
    await world.access.updateUser('viewer-user', { disabled: true })
    await expect.poll(() => seen.problems, { timeout: 5000 }).toEqual(['not-authenticated, final'])
  })

  test('has its own content type, is not kept back by proxies, and ends when the server closes', async () => {
    const { token } = await world.as('viewer')
    const answer = await fetch(`${world.url}/api/v1/events`, { headers: { authorization: `Bearer ${token}` } })
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(answer.headers.get('x-accel-buffering')).toBe('no')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    const text = answer.text()
    await world.api.close()
    expect(await text).toContain('retry: 2000')
  })

  test('is not opened by HEAD', async () => {
    const headers = { authorization: `Bearer ${(await world.as('viewer')).token}` }
    expect((await fetch(`${world.url}/api/v1/events`, { method: 'HEAD', headers })).status).toBe(405)
    expect(world.events.listeners).toBe(others)
  })

  test('leaves nothing behind when its reader goes', async () => {
    await watch((await world.as('viewer')).token)
    expect(world.events.listeners).toBe(others + 1)
    for (const stop of stops.splice(0)) stop()
    await expect.poll(() => world.events.listeners).toBe(others)
  })
})

test('every topic has an audience', () => {
  const admin = { name: 'a', role: 'admin', scopes: ['*:*'], via: 'token' } as const
  for (const topic of TOPICS) expect(mayHear(admin, topic)).toBe(true)
})
