import { describe, expect, test } from 'vitest'
import { chunked, FakeAround } from '../../../test/fakes/flashing.ts'
import { PowerlessDisk } from '../../../test/fakes/powerless-disk.ts'
import { CHUNK_BYTES } from '../../protocols/chunks/list.ts'
import { TaskFailure, type TaskOf } from '../task.ts'
import { flashRunner, type Machine } from './flash.ts'

const to = { serial: 'S1', bytes: 1, fingerprint: null, partition: null }
const TASK: TaskOf<'flash'> = {
  ...{ kind: 'flash', image: 'debian@3', chunks: 'x', to, holes: 'zero', verify: 'sampled', grow: false, local: [] },
}

function image(...fills: number[]): Uint8Array {
  const bytes = new Uint8Array(fills.length * CHUNK_BYTES)
  for (const [index, fill] of fills.entries()) bytes.fill(fill, index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
  return bytes
}

function setting(content: Uint8Array, disk: PowerlessDisk, more: Partial<Machine> = {}) {
  const { list, chunks } = chunked(content)
  const around = new FakeAround(chunks)
  around.lists.set('x', list)
  const grown: string[] = []
  const machine: Machine = {
    open: async () => disk,
    openOther: async () => undefined,
    grow: async (where) => {
      grown.push(where.serial)
      return 'partition 2 has grown'
    },
    ...more,
  }
  return {
    around,
    grown,
    run: (task: Partial<TaskOf<'flash'>> = {}) => flashRunner(machine)({ ...TASK, ...task }, around),
  }
}

describe('a flash task', () => {
  test('tells its figures, and grows only when asked', async () => {
    const content = image(1, 2, 0, 3)
    const { grown, run } = setting(content, new PowerlessDisk(image(9, 9, 9, 9)))
    const first = await run()
    expect(first).toMatchObject({ clean: true, detail: { writtenBytes: 3 * CHUNK_BYTES, zeroedBytes: CHUNK_BYTES } })
    expect(first.summary).toContain('debian@3 written: 12 MiB, 4.0 MiB zeroed, 0.0 MiB were there already')
    expect(grown).toEqual([])
    const again = await run({ grow: true })
    expect(again.summary).toContain('on the disk already: 0 bytes written')
    expect(again.summary).toContain('partition 2 has grown')
    expect(grown).toEqual(['S1'])
  })

  test('fails with the disk, the place and what would help', async () => {
    const disk = new PowerlessDisk(image(9, 9, 9))
    disk.fault = (doing, offset) => (doing === 'writing' && offset === CHUNK_BYTES ? 'EIO' : undefined)
    await expect(setting(image(1, 2, 3), disk).run()).rejects.toMatchObject({
      name: 'TaskFailure',
      message: expect.stringMatching(/the simulated disk: writing at byte 4194304 failed \(EIO\); serial S1\..*SMART/),
      detail: { offset: CHUNK_BYTES, code: 'EIO' },
    })
  })

  test('fails with what the source says of a damaged chunk, and leaves the disk unbootable', async () => {
    const disk = new PowerlessDisk(image(9, 9, 9))
    const { around, run } = setting(image(1, 2, 3), disk)
    around.before = () => {
      throw new TaskFailure('the server holds chunk 12ab only damaged')
    }
    await expect(run()).rejects.toThrow('only damaged')
    expect(around.dirty).toBe(1)
    expect(disk.medium.subarray(0, 512).every((byte) => byte === 0)).toBe(true)
  })

  test('copies from the other disks of the machine that the server named', async () => {
    const content = image(1, 2, 3, 4, 5)
    const other = new PowerlessDisk(content.slice())
    const asked: unknown[] = []
    const { around, run } = setting(content, new PowerlessDisk(image(9, 9, 9, 9, 9)), {
      openOther: async (...given) => {
        asked.push(given)
        return given[0] === 'S2' ? other : undefined
      },
    })
    const gone = { serial: 'S3', partition: null, chunks: 'gone' }
    const { detail } = await run({ local: [gone, { serial: 'S2', partition: 3, chunks: 'x' }] })
    expect(asked).toEqual([
      ['S3', null],
      ['S2', 3],
    ])
    expect(around.fetched).toEqual([])
    expect(detail.copiedBytes).toBe(5 * CHUNK_BYTES)
  })
})
