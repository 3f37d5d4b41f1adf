import { describe, expect, test } from 'vitest'
import type { Deployment } from '../../api/contract/deployments.ts'
import { DEPLOYMENT_STATES, isAtRest } from '../../deployments/deployment.ts'
import { cancelMeans, hintsText, isOpen, orderOf, releaseMeans, wayOf } from './words.ts'

const install = { kind: 'install', profile: 'desk' } as const
const deployment = (more: Partial<Deployment>): Deployment => ({
  ...{ id: 'd1', machine: 'desk-01', machineId: 'm1', action: install, profile: 'desk', arm: [], state: 'queued' },
  ...{ reason: '', next: '', ahead: 0, deadlineAt: null, tasks: [], progress: null, attempts: 1, dirty: false },
  ...{ reservedUntil: null, release: 'leave', notify: { webhook: null, email: null }, orderedBy: 'admin' },
  ...{ createdAt: '', startedAt: null, endedAt: null, updatedAt: '' },
  ...more,
})

test.each(DEPLOYMENT_STATES)('state %s is open here exactly when it is not at rest for the server', (state) => {
  expect(isOpen({ state })).toBe(!isAtRest({ state }))
})

test('every order has words', () => {
  expect(orderOf({ action: install })).toBe('install desk')
  expect(orderOf({ action: { kind: 'capture', disk: {}, partition: null, image: 'x', note: '' } })).toBe('capture as x')
  expect(orderOf({ action: { kind: 'wipe', method: 'auto' } })).toBe('wipe')
})

describe('a disk by its hints', () => {
  test('none mean the armed one', () => expect(hintsText({})).toBe('the armed disk'))
  test('all that are given are said', () =>
    expect(hintsText({ transport: 'nvme', rotational: false, leastBytes: 1024 ** 3, model: 'Pro' })).toBe(
      'model Pro, nvme, solid state, at least 1.0 GiB',
    ))
  test('a range of sizes is one hint', () =>
    expect(hintsText({ leastBytes: 1024, mostBytes: 2048 })).toBe('1.0 KiB to 2.0 KiB'))
})

describe('what cancelling means', () => {
  test('before it begins, nothing', () => expect(cancelMeans(deployment({}))).toMatch(/not touched/))
  test('while nothing was written, the machine stays what it was', () =>
    expect(cancelMeans(deployment({ state: 'running' }))).toMatch(/No byte/))
  test('with a half-written disk, the machine is parked', () =>
    expect(cancelMeans(deployment({ state: 'writing', dirty: true }))).toMatch(/half written.*parked/))
  test('of what only reads, nothing is lost', () =>
    expect(cancelMeans(deployment({ state: 'running', action: { kind: 'inventory' } }))).toMatch(/only reads/))
})

test('what releasing means says what becomes of the disks', () => {
  expect(releaseMeans(deployment({ release: 'wipe' }))).toMatch(/wiped/)
  expect(releaseMeans(deployment({ release: 'save' }))).toMatch(/desk/)
})

describe('the way of a deployment', () => {
  const shape = (state: Deployment['state'], action: Deployment['action'] = install) =>
    wayOf({ state, action }).map(({ state, at }) => `${state}:${at}`)
  test('what is behind is done, what is before it is ahead', () =>
    expect(shape('booting')).toEqual([
      ...['queued:done', 'armed:done', 'powering:done', 'booting:now', 'running:ahead', 'writing:ahead'],
      ...['verifying:ahead', 'rebooting:ahead', 'succeeded:ahead'],
    ]))
  test('one that only reads expects nothing to be written', () =>
    expect(shape('running', { kind: 'inventory' })).toEqual([
      ...['queued:done', 'armed:done', 'powering:done', 'booting:done', 'running:now', 'succeeded:ahead'],
    ]))
  test('when it succeeded all is done', () =>
    expect(new Set(shape('succeeded').map((s) => s.split(':')[1]))).toEqual(new Set(['done'])))
})
