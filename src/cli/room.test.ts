import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AT, cli } from '../../test/fakes/cli.ts'
import type { Maintenance, Rollout } from '../api/contract/maintenance.ts'
import type { Batch } from '../api/contract/rooms.ts'
import type { VolumeJob } from '../api/contract/volumes.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-room-'))
})
afterAll(() => rm(folder, { recursive: true }))

const BATCH: Batch = {
  id: 'b_1',
  action: 'on',
  profile: null,
  state: 'running',
  done: 0,
  failed: 0,
  total: 2,
  machines: [
    { machine: 'pc01', state: 'running', detail: '' },
    { machine: 'pc02', state: 'waiting', detail: '' },
  ],
  orderedBy: 'admin',
  startedAt: AT,
  endedAt: null,
}
const OVER: Batch = {
  ...BATCH,
  state: 'finished',
  done: 2,
  failed: 1,
  machines: [
    { machine: 'pc01', state: 'succeeded', detail: 'it is on' },
    { machine: 'pc02', state: 'failed', detail: 'its BMC\u001b[2J does not answer' },
  ],
  endedAt: AT,
}
const startBatch = () => BATCH

describe('room', () => {
  test('orders an action for a tag or for machines by name', async () => {
    const byTag = await cli(['room', 'on', 'front', '--stagger', '5'], { startBatch })
    expect(byTag.last?.body).toMatchObject({ action: 'on', tag: 'front', machines: [], staggerSeconds: 5, kick: false })
    expect(byTag.out).toBe('b_1: on of 2 machines goes on; follow it: reveille room wait b_1\n')
    const words = ['room', 'switch', '--machines', 'pc01, pc02', '--profile', 'ubuntu']
    const byName = await cli(words, { startBatch })
    expect(byName.last?.body).toMatchObject({
      action: 'switch',
      tag: null,
      machines: ['pc01', 'pc02'],
      profile: 'ubuntu',
    })
    const reset = ['room', 'reset', 'front', '--kick', '--profile', 'compute']
    expect((await cli(reset, { startBatch })).last?.body).toMatchObject({ kick: true, profile: 'compute' })
  })

  test.each([
    [['room', 'on']],
    [['room', 'on', 'front', '--machines', 'pc01']],
    [['room', 'on', '--machines', 'pc01,,pc02']],
    [['room', 'boot', 'front']],
    [['room', 'on', 'front', '--profile', 'x']],
    [['room', 'off', 'front', '--kick']],
    [['room', 'explode', 'front']],
  ])('%j is wrong use and nothing is sent', async (words) => {
    expect(await cli(words, { startBatch })).toMatchObject({ status: 2, asked: [] })
  })

  test('--wait ends with a table of failures and status 1', async () => {
    const { status, out, err } = await cli(['room', 'on', 'front', '--wait'], { startBatch, getBatch: () => OVER })
    expect(status).toBe(1)
    expect(out).toMatch(/^on: 2 of 2 done, 1 failed\nMACHINE +STATE +DETAIL\npc02 +failed +its BMC\\x1b\[2J does/)
    expect(err).toBe('reveille: it failed for pc02\n')
    const fine = { ...OVER, failed: 0, machines: OVER.machines.slice(0, 1) }
    expect(await cli(['room', 'wait', 'b_1'], { getBatch: () => fine })).toMatchObject({
      status: 0,
      out: 'on: 2 of 2 done\n',
    })
  })

  test('gives up after --timeout, and the action goes on', async () => {
    const { status, out, err } = await cli(['room', 'wait', 'b_1', '--timeout', '0.05'], { getBatch: () => BATCH })
    expect(status).toBe(1)
    expect(out).toContain('it goes on')
    expect(err).toContain('not over within 0.05 seconds')
  })

  test('list, show and cancel', async () => {
    expect((await cli(['room', 'list'], { listBatches: () => ({ items: [OVER], next: null }) })).out).toMatch(
      /b_1 +on +finished +2 of 2 done, 1 failed/,
    )
    const { out } = await cli(['room', 'show', 'b_1'], { getBatch: () => OVER })
    expect(out).toMatch(/pc01 +succeeded +it is on/)
    const machines = [OVER.machines[1]!, { machine: 'pc03', state: 'skipped' as const, detail: 'cancelled' }]
    const cancelled = await cli(['room', 'cancel', 'b_1'], {
      cancelBatch: () => ({ ...OVER, machines, state: 'cancelled' }),
    })
    expect(cancelled.out).toBe('b_1 is cancelled: 1 of 2 done, 1 failed, 1 left out\n')
  })
})

describe('a machine with diskless disks', () => {
  test('switch chooses and power cycles, and fails when that failed', async () => {
    const order = ['machine', 'switch', 'pc02', '--profile', 'ubuntu']
    const failed = { startBatch, getBatch: () => ({ ...OVER, action: 'switch' as const, profile: 'ubuntu' }) }
    const { status, asked, out } = await cli(order, failed)
    expect(status).toBe(1)
    expect(asked[0]?.body).toMatchObject({ action: 'switch', machines: ['pc02'], profile: 'ubuntu' })
    expect(out).toContain('switch ubuntu: 2 of 2 done, 1 failed')
  })

  test('reset says what is reset and what will be', async () => {
    const { out, last } = await cli(['machine', 'reset', 'pc01', '--profile', 'desktop'], {
      resetMachine: () => ({ reset: ['pc01-0'], atNextBoot: ['pc01-1'] }),
    })
    expect(last?.body).toEqual({ profile: 'desktop', kick: false })
    expect(out).toBe('reset: pc01-0\nreset at the next boot of pc01: pc01-1\n')
    const none = { resetMachine: () => ({ reset: [], atNextBoot: [] }) }
    expect((await cli(['machine', 'reset', 'pc01'], none)).out).toContain('nothing of its own')
  })
})

describe('maintenance and rollout', () => {
  const maintenance: Maintenance = {
    id: 't_1',
    profile: 'desktop',
    machine: 'pc01',
    image: 'desktop',
    from: 3,
    published: null,
    volume: 'v_1',
    others: 'keep',
    state: 'open',
    startedBy: 'admin',
    startedAt: AT,
    endedAt: null,
  }
  const rollout: Rollout = {
    id: 'r_1',
    profile: 'desktop',
    image: 'desktop',
    from: 3,
    to: 4,
    canary: 'front',
    state: 'canary',
    startedBy: 'admin',
    startedAt: AT,
    updatedAt: AT,
  }

  test('is started, listed, published and discarded', async () => {
    const started = await cli(['maintenance', 'start', 'desktop', '--machine', 'pc01', '--others', 'refuse'], {
      startMaintenance: () => maintenance,
    })
    expect(started.last?.body).toEqual({ profile: 'desktop', machine: 'pc01', others: 'refuse' })
    expect(started.out).toContain('t_1: pc01 boots desktop@3 writable')
    const list = { listMaintenances: () => ({ items: [maintenance], next: null }) }
    expect((await cli(['maintenance', 'list'], list)).out).toMatch(/t_1 +desktop +pc01 +open +desktop@3 +- +keep/)
    const job: VolumeJob = {
      ...{ id: 'j_1', what: 'publish', volume: 'v_1', state: 'succeeded', doneBytes: 1, totalBytes: 1, detail: '' },
      ...{ image: 'desktop@4', startedAt: AT, endedAt: AT },
    }
    const published = await cli(['maintenance', 'publish', 't_1', '--note', 'drivers', '--canary', 'front'], {
      publishMaintenance: () => job,
    })
    expect(published.last?.body).toEqual({ note: 'drivers', rollout: 'canary', canary: 'front' })
    expect(published.out).toBe('desktop@4 is published\n')
    const discarded = await cli(['maintenance', 'discard', 't_1'], { discardMaintenance: () => undefined })
    expect(discarded.out).toBe('t_1 is discarded\n')
  })

  test.each([
    [['maintenance', 'publish', 't_1', '--rollout', 'canary']],
    [['maintenance', 'publish', 't_1', '--rollout', 'all', '--canary', 'front']],
    [['maintenance', 'start', 'desktop']],
    [['rollout', 'start', 'desktop', 'newest']],
  ])('%j is wrong use', async (words) => expect(await cli(words, {})).toMatchObject({ status: 2, asked: [] }))

  test('rollouts go on and back', async () => {
    const started = await cli(['rollout', 'start', 'desktop', '4', '--canary', 'front'], {
      startRollout: () => rollout,
    })
    expect(started.last?.body).toEqual({ profile: 'desktop', to: 4, canary: 'front' })
    expect(started.out).toBe('r_1: machines with the tag front boot desktop@4 of desktop, all others desktop@3\n')
    const changeRollout = () => ({ ...rollout, state: 'rolled-back' as const })
    expect((await cli(['rollout', 'go-on', 'r_1'], { changeRollout })).last?.body).toEqual({ state: 'all' })
    const back = await cli(['rollout', 'back', 'r_1'], { changeRollout })
    expect(back.last?.body).toEqual({ state: 'rolled-back' })
    expect(back.out).toContain('desktop@3 of desktop again')
    expect((await cli(['rollout', 'list'], { listRollouts: () => ({ items: [rollout], next: null }) })).out).toMatch(
      /r_1 +desktop +desktop +3 +4 +canary +front/,
    )
  })
})

describe('guest', () => {
  test('access takes a key, or a password that is no argument', async () => {
    const key = join(folder, 'key')
    await writeFile(key, 'PRIVATE')
    const setGuestAccess = () => ({ user: 'root', port: 22, hostKey: null })
    const byKey = await cli(['guest', 'access', 'pc01', '--login', 'root', '--key', key], { setGuestAccess })
    expect(byKey.last?.body).toEqual({ user: 'root', port: 22, password: null, privateKey: 'PRIVATE', hostKey: null })
    const asked = await cli(
      ['guest', 'access', 'pc01', '--login', 'root', '--port', '2222'],
      { setGuestAccess },
      {
        secrets: ['hunter2'],
      },
    )
    expect(asked.last?.body).toMatchObject({ port: 2222, password: 'hunter2', privateKey: null })
    expect(asked.out + asked.err).not.toContain('hunter2')
    expect((await cli(['guest', 'access', 'pc01', '--login', 'root'], { setGuestAccess })).status).toBe(2)
  })

  test('password is asked for or read from a file', async () => {
    const file = join(folder, 'password')
    await writeFile(file, 'swordfish\nnot this\n')
    const setGuestPassword = () => undefined
    const words = ['guest', 'password', 'pc01', 'player', '--via', 'volume', '--password-file', file]
    const { last, out } = await cli(words, { setGuestPassword })
    expect(last?.body).toEqual({ user: 'player', password: 'swordfish', via: 'volume' })
    expect(out).toBe('the password of player on pc01 is changed\n')
    expect((await cli(['guest', 'password', 'pc01', 'player', 'oops'], { setGuestPassword })).status).toBe(2)
  })

  test('info and reboot', async () => {
    const { out } = await cli(['guest', 'info', 'pc01'], {
      getGuest: () => ({
        hostname: 'pc01',
        os: 'Debian GNU/Linux 12',
        kernel: '6.1.0',
        uptimeSeconds: 7500,
        addresses: ['10.0.0.50'],
        users: [{ name: 'player', terminal: 'tty1', from: '', since: '12:00' }],
      }),
    })
    expect(out).toMatch(/runs for +2 h 5 min/)
    expect(out).toMatch(/player +tty1 +- +12:00/)
    const rebooted = await cli(['guest', 'reboot', 'pc01', '--power-off'], { rebootGuest: () => undefined })
    expect(rebooted.last?.body).toEqual({ powerOff: true })
    expect(rebooted.out).toContain('powers off')
  })
})
