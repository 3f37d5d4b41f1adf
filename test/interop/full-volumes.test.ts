import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Refusal } from '../../src/kit/errors.ts'
import { FilePool } from '../../src/volumes/drivers/file/pool.ts'
import { contentOf, MIB, noise, TestImages } from '../conformance/pool-bed.ts'

test.each(['tmpfs', 'ext4'])(
  'on a full %s writes are refused, nothing is damaged, and it goes on when there is space',
  async (kind) => {
    const directory = await mkdtemp(join(tmpdir(), 'reveille-full-'))
    const images = new TestImages()
    const base = await images.add(noise(8 * MIB, 9))
    if (kind === 'tmpfs') execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', directory])
    else {
      execFileSync('truncate', ['-s', '64M', `${directory}.img`])
      execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', `${directory}.img`])
      execFileSync('mount', ['-o', 'loop', `${directory}.img`, directory])
    }
    try {
      const open = () => FilePool.open(directory, { ...images, cacheBytes: 2 ** 30, reserveBytes: 0, flushMs: 50 })
      let pool = await open()
      const bytes = 128 * MIB
      const expected = new Map<string, Buffer>()
      for (const id of ['v_one', 'v_two']) {
        await pool.create(id, { bytes, base, limitBytes: null })
        expected.set(id, Buffer.concat([noise(8 * MIB, 9), Buffer.alloc(bytes - 8 * MIB)]))
      }
      const devices = await Promise.all([...expected.keys()].map((id) => pool.open(id, { readOnly: false })))
      let refused = 0
      /** Sectors that refused writes were for: where there was space already, they may be old or new. */
      const uncertain = new Map([...expected.keys()].map((id) => [id, new Set<number>()]))
      for (let i = 0; refused < 50; i++) {
        const which = i % 2
        const [id, content] = [...expected][which]!
        const size = 512 * (1 + ((i * 37) % 300))
        const at = (i * 7919 * 512) % (bytes - size)
        const data = noise(size, i)
        try {
          await devices[which]!.write([data], at - (at % 512))
          content.set(data, at - (at % 512))
        } catch (error) {
          expect(error instanceof Refusal && error.code, `${id}: ${error}`).toBe('no-space')
          refused++
          for (let sector = at - (at % 512); sector < at + size; sector += 512) uncertain.get(id)!.add(sector)
        }
        if (i % 50 === 0) await new Promise(setImmediate)
      }
      await pool.abandon()
      pool = await open()
      for (const [id, content] of expected) {
        const found = await contentOf(pool, id)
        for (let at = 0; at < bytes; at += 512)
          if (!found.subarray(at, at + 512).equals(content.subarray(at, at + 512)) && !uncertain.get(id)!.has(at))
            throw new Error(`${id}: other bytes at ${at}`)
      }
      await pool.remove('v_one')
      const device = await pool.open('v_two', { readOnly: false })
      await device.write([noise(4 * MIB, 1)], 100 * MIB)
      await device.close()
      await pool.close()
    } finally {
      execFileSync('umount', [directory])
      await rm(directory, { recursive: true })
      await rm(`${directory}.img`, { force: true })
    }
  },
)
