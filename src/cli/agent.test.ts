import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { AT, cli } from '../../test/fakes/cli.ts'
import { Refusal } from '../kit/errors.ts'

const shown = { image: 'management-os', version: 2, bytes: 60_000_000, builtAt: AT, running: [] }
const building = { doing: 'fetching 40 Debian packages, 55 MB', since: AT }

test('agent build tells what is being done until it is built', async () => {
  let looks = 0
  const { status, out, err } = await cli(['agent', 'build'], {
    buildAgent: async () => {
      while (looks < 2) await delay(20)
      return { image: 'management-os', version: 3, bytes: 60_000_000, built: true }
    },
    getAgent: () => {
      looks++
      return { ...shown, building }
    },
  })
  expect({ status, err }).toEqual({ status: 0, err: 'fetching 40 Debian packages, 55 MB\n' })
  expect(out).toMatch(/^management-os@3 is built/)
})

test('what cannot be built is told as it was refused', async () => {
  const { status, err } = await cli(['agent', 'build'], {
    buildAgent: () => {
      throw new Refusal('not-available', 'apt-get is not there', { next: 'install it' })
    },
    getAgent: () => ({ ...shown, building: null }),
  })
  expect(status).not.toBe(0)
  expect(err).toContain('apt-get is not there')
})

test('agent show tells of a build that is under way', async () => {
  const { out } = await cli(['agent', 'show'], { getAgent: () => ({ ...shown, building }) })
  expect(out).toContain('fetching 40 Debian packages, 55 MB, for ')
})
