import { describe, expect, test } from 'vitest'
import { AT, cli, EXPORT, VOLUME } from '../../test/fakes/cli.ts'
import type { IscsiSession } from '../api/contract/iscsi.ts'
import type { Volume, VolumeJob } from '../api/contract/volumes.ts'

const JOB: VolumeJob = {
  id: 'j_1',
  what: 'publish',
  volume: 'work',
  state: 'running',
  doneBytes: 0,
  totalBytes: 100,
  detail: '',
  image: null,
  startedAt: AT,
  endedAt: null,
}
const SESSION: IscsiSession = {
  id: '17',
  target: EXPORT.iqn,
  initiator: 'iqn.1993-08.org.debian:01:abc',
  address: '10.0.0.50',
  machine: 'pc01',
  volumes: ['work'],
  since: AT,
  reads: 10,
  writes: 5,
  bytesRead: 40_960,
  bytesWritten: 20_480,
  readsPerSecond: 120.4,
  writesPerSecond: 3,
  readBytesPerSecond: 2 ** 20,
  writtenBytesPerSecond: 0,
  readP50: 210,
  readP99: 4100,
  writeP50: 300,
  writeP99: 900,
  inFlight: 2,
  dirtyBytes: 4096,
  cacheHitBytes: 990,
  cacheMissBytes: 10,
}

describe('volume create', () => {
  const handlers = { createVolume: () => VOLUME }

  test.each([
    [
      ['--image', 'debian@3', '--size', '40G', '--limit', '5G', '--label', 'a=b', '--boots', '3', '--vendor', 'ACME'],
      {
        image: 'debian@3',
        bytes: 40 * 2 ** 30,
        limitBytes: 5 * 2 ** 30,
        labels: { a: 'b' },
        bootsLeft: 3,
        scsi: { vendor: 'ACME' },
      },
    ],
    [['--size', '1.5M'], { image: null, clone: null, bytes: 1_572_864 }],
    [['--clone', 'work@clean'], { image: null, clone: { volume: 'work', snapshot: 'clean' }, bytes: null }],
    [['--clone', 'work', '--size', '50G'], { clone: { volume: 'work' }, bytes: 50 * 2 ** 30 }],
    [['--clone', 'work'], { clone: { volume: 'work', snapshot: null } }],
  ])('%j', async (words, body) => {
    const { status, last } = await cli(['volume', 'create', 'work', ...words], handlers)
    expect(status).toBe(0)
    expect(last?.body).toMatchObject({ name: 'work', ...body })
  })

  test.each([
    [[], 'needs --image, --size or --clone'],
    [['--image', 'a', '--clone', 'b'], 'not both'],
    [['--size', '10'], 'a size such as 20G'],
    [['--size', '0G'], 'a size such as 20G'],
    [['--clone', 'a@b@c'], 'NAME@SNAPSHOT'],
    [['--size', '1G', '--label', 'x'], 'NAME=VALUE'],
    [['--size', '1G', '--boots', '0'], 'whole number'],
  ])('%j is wrong use and nothing is sent', async (words, message) => {
    const { status, err, asked } = await cli(['volume', 'create', 'work', ...words], handlers)
    expect({ status, asked }).toEqual({ status: 2, asked: [] })
    expect(err).toContain(message)
  })
})

describe('volume list and show', () => {
  test('list filters, and is a table for people and JSON for programs', async () => {
    const overlay: Volume = { ...VOLUME, name: 'pc01-0', use: 'overlay', machine: 'pc01', profile: 'desktop' }
    const handlers = { listVolumes: () => ({ items: [VOLUME, overlay], next: null }) }
    const words = ['--use', 'overlay', '--machine', 'pc01', '--label', 'a=b', '--condition', 'ready', '--search', 'x']
    const { out, last } = await cli(['volume', 'list', ...words], handlers)
    expect(last?.query).toMatchObject({ use: 'overlay', machine: 'pc01', label: 'a=b', condition: 'ready', q: 'x' })
    expect(out).toMatch(/work +ready +40\.0 GiB +5\.00 MiB +debian@3 +ada +1 +1 +-\n/)
    expect(out).toContain('overlay of pc01/desktop')
    expect(JSON.parse((await cli(['volume', 'list', '--json'], handlers)).out)).toHaveLength(2)
  })

  test('show tells snapshots and exports, and what others wrote cannot steer the terminal', async () => {
    const { out } = await cli(['volume', 'show', 'work'], { getVolume: () => VOLUME })
    expect(out).toMatch(/goes on from +snapshot clean\n/)
    expect(out).toMatch(/clean +active +5 min ago +ada +as installed/)
    expect(out).toMatch(/a_1 +an export by admin +writable +iqn\.1993\S+ +any address +none +1 +iscsi:/)
    expect(out).not.toContain('\u001b')
  })

  test('snapshots lists them alone', async () => {
    const { out } = await cli(['volume', 'snapshots', 'work'], { getVolume: () => VOLUME })
    expect(out).toMatch(/clean +active/)
    const none = { getVolume: () => ({ ...VOLUME, snapshots: [], active: null }) }
    expect((await cli(['volume', 'snapshots', 'work'], none)).out).toContain('no snapshot')
  })
})

describe('volume set', () => {
  const handlers = { getVolume: () => VOLUME, updateVolume: () => VOLUME }

  test('changes what is named and keeps other labels', async () => {
    const words = ['--label', 'a=b', '--unlabel', 'purpose', '--no-limit', '--boots', '5', '--condition', 'offline']
    const { status, last } = await cli(['volume', 'set', 'work', ...words], handlers)
    expect(status).toBe(0)
    expect(last?.body).toEqual({ labels: { a: 'b' }, limitBytes: null, bootsLeft: 5, condition: 'offline' })
    expect((await cli(['volume', 'set', 'work', '--no-boots'], handlers)).last?.body).toEqual({ bootsLeft: null })
    expect((await cli(['volume', 'set', 'work', '--product', 'DISK'], handlers)).last?.body).toEqual({
      scsi: { product: 'DISK' },
    })
  })

  test('needs something to change', async () => {
    expect((await cli(['volume', 'set', 'work'], handlers)).status).toBe(2)
    expect((await cli(['volume', 'set', 'work', '--condition', 'damaged'], handlers)).status).toBe(2)
  })
})

describe('what a volume holds', () => {
  test('rm deletes volumes and snapshots', async () => {
    const { asked, out } = await cli(['volume', 'rm', 'old', 'work@clean'], {
      deleteVolume: () => undefined,
      deleteSnapshot: () => undefined,
    })
    expect(asked.map(({ id, params }) => [id, params])).toEqual([
      ['deleteVolume', { volume: 'old' }],
      ['deleteSnapshot', { volume: 'work', snapshot: 'clean' }],
    ])
    expect(out).toBe('old is deleted\nwork@clean is deleted\n')
  })

  test('snapshot, revert, recreate and resize say what became of it', async () => {
    const handlers = {
      createSnapshot: () => VOLUME,
      revertVolume: () => VOLUME,
      recreateVolume: () => VOLUME,
      resizeVolume: () => VOLUME,
    }
    const made = await cli(['volume', 'snapshot', 'work', 'clean', '--note', 'fine'], handlers)
    expect(made.last?.body).toEqual({ name: 'clean', note: 'fine' })
    const back = await cli(['volume', 'revert', 'work', 'clean', '--kick'], handlers)
    expect(back.last?.body).toEqual({ snapshot: 'clean', kick: true })
    expect(back.out).toBe('work is back to snapshot clean and ready\n')
    expect((await cli(['volume', 'revert', 'work'], handlers)).out).toBe('work is back to its base and ready\n')
    expect((await cli(['volume', 'recreate', 'work'], handlers)).last?.body).toEqual({ kick: false })
    const small = await cli(['volume', 'resize', 'work', '500M', '--shrink'], handlers)
    expect(small.last?.body).toEqual({ bytes: 500 * 2 ** 20, shrink: true })
    expect((await cli(['volume', 'resize', 'work', 'big'], handlers)).status).toBe(2)
  })
})

describe('jobs', () => {
  const done: VolumeJob = { ...JOB, state: 'succeeded', doneBytes: 100, image: 'debian@4', endedAt: AT }

  test('publish waits and names the version', async () => {
    const { status, out, asked } = await cli(['volume', 'publish', 'work@clean', 'debian', '--note', 'new'], {
      publishVolume: () => JOB,
      getVolumeJob: () => done,
    })
    expect({ status, out }).toEqual({ status: 0, out: 'debian@4 is published\n' })
    expect(asked[0]?.body).toEqual({ image: 'debian', snapshot: 'clean', note: 'new' })
  })

  test('--no-wait does not, and says how to follow it', async () => {
    const { status, out, asked } = await cli(['volume', 'publish', 'work', 'debian', '--no-wait'], {
      publishVolume: () => JOB,
    })
    expect(status).toBe(0)
    expect(out).toContain('reveille volume wait j_1')
    expect(asked).toHaveLength(1)
  })

  test('one that fails is status 1 with the reason', async () => {
    const failed: VolumeJob = { ...JOB, what: 'dump', state: 'failed', detail: 'the disk is full' }
    const handlers = { dumpVolume: () => JOB, getVolumeJob: () => failed }
    expect(
      await cli(['volume', 'dump', 'work', 'work.img', '--snapshot', 'clean', '--replace'], handlers),
    ).toMatchObject({
      status: 1,
      out: '',
      err: 'reveille: dump work failed: the disk is full\n',
      asked: [{ body: { file: 'work.img', snapshot: 'clean', replace: true } }, {}],
    })
    expect((await cli(['volume', 'wait', 'j_1'], handlers)).status).toBe(1)
    expect((await cli(['volume', 'jobs'], { listVolumeJobs: () => ({ items: [failed], next: null }) })).out).toContain(
      'the disk is full',
    )
  })

  test('restore replaces the content by a file', async () => {
    const restored: VolumeJob = { ...done, what: 'restore', image: null }
    const { out, last } = await cli(['volume', 'restore', 'work', 'work.img'], { restoreVolume: () => restored })
    expect(last?.body).toEqual({ file: 'work.img' })
    expect(out).toBe('restore work is done\n')
  })

  test('a snapshot is named once', async () => {
    expect((await cli(['volume', 'publish', 'a@b', 'c', '--snapshot', 'd'], {})).status).toBe(2)
  })
})

describe('exports and sessions', () => {
  test('export prints the address, and the secret only with CHAP', async () => {
    const handlers = { exportVolume: () => ({ ...EXPORT, chapSecret: null }) }
    expect(await cli(['volume', 'export', 'work'], handlers)).toMatchObject({
      status: 0,
      out: 'iscsi://10.0.0.1:3260/iqn.2026-11.org.reveille:a-1/0\n',
      last: { body: { initiator: null, address: null, readOnly: false, snapshot: null, chap: false } },
    })
    const words = ['--initiator', EXPORT.initiator!, '--address', '10.0.0.9', '--chap']
    const { out, last } = await cli(['volume', 'export', 'work@clean', ...words], {
      exportVolume: () => ({ ...EXPORT, chapUser: 'a-1', chapSecret: 'abcdefgh2345' }),
    })
    expect(last?.body).toEqual({
      initiator: EXPORT.initiator,
      address: '10.0.0.9',
      readOnly: true,
      snapshot: 'clean',
      chap: true,
    })
    expect(out).toMatch(/\/0\nCHAP user +a-1\nCHAP secret +abcdefgh2345 \(not shown again\)\n$/)
  })

  test('unexport ends the only export, and asks which of several', async () => {
    const endExport = () => undefined
    const one = await cli(['volume', 'unexport', 'work'], { getVolume: () => VOLUME, endExport })
    expect(one.last?.params).toEqual({ volume: 'work', export: 'a_1' })
    const two = { getVolume: () => ({ ...VOLUME, exports: [EXPORT, { ...EXPORT, id: 'a_2' }] }), endExport }
    expect(await cli(['volume', 'unexport', 'work'], two)).toMatchObject({
      status: 2,
      err: expect.stringContaining('a_1, a_2'),
    })
    expect((await cli(['volume', 'unexport', 'work', '--all'], two)).asked).toHaveLength(3)
    expect((await cli(['volume', 'unexport', 'work', 'a_2'], { endExport })).asked).toHaveLength(1)
    const none = { getVolume: () => ({ ...VOLUME, exports: [] }) }
    expect((await cli(['volume', 'unexport', 'work'], none)).status).toBe(1)
  })

  test('examine hands a volume to a machine', async () => {
    const { last, out } = await cli(['volume', 'examine', 'work', '--machine', 'analyst'], {
      examineVolume: () => ({ ...EXPORT, readOnly: true, chapSecret: null }),
    })
    expect(last).toMatchObject({ params: { volume: 'work' }, body: { machine: 'analyst' } })
    expect(out).toContain('iscsi://')
    expect((await cli(['volume', 'examine', 'work'], {})).status).toBe(2)
  })

  test('sessions tells who is how busy, and kick ends them', async () => {
    const handlers = { listSessions: () => ({ items: [SESSION], next: null }), endSession: () => undefined }
    const { out } = await cli(['volume', 'sessions'], handlers)
    expect(out).toMatch(/17 +pc01 +10\.0\.0\.50 +work +5 min ago +120 +3 +1\.00 MiB\/s +0 B\/s +210 us \/ 4\.1 ms/)
    expect(out).toContain('99 %')
    const kicked = await cli(['volume', 'kick', '17', '18'], handlers)
    expect(kicked.asked.map(({ params }) => params)).toEqual([{ session: '17' }, { session: '18' }])
  })

  test('sessions --watch goes on until it is interrupted', async () => {
    const stop = new AbortController()
    let looks = 0
    const handlers = {
      listSessions() {
        looks += 1
        if (looks === 3) stop.abort()
        return { items: [SESSION], next: null }
      },
    }
    const words = ['volume', 'sessions', '--watch', '--every', '0.01', '--json']
    const { status, out } = await cli(words, handlers, { interrupted: stop.signal })
    expect(status).toBe(0)
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([[SESSION], [SESSION], [SESSION]])
  })

  test('pools says how full they are', async () => {
    const pool = { name: 'file', kind: 'file', totalBytes: 2 ** 40, freeBytes: 2 ** 39, usedBytes: 2 ** 39 }
    const { out } = await cli(['volume', 'pools'], {
      listPools: () => ({ items: [{ ...pool, state: 'warning' as const, detail: 'it is 82 % full' }], next: null }),
    })
    expect(out).toMatch(/file +file +warning +512\.0 GiB +512\.0 GiB +1\.00 TiB +it is 82 % full/)
  })
})
