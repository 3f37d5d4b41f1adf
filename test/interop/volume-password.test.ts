import { execFileSync } from 'node:child_process'
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashPassword, setVolumePassword } from '../../src/guests/drivers/volume-password.ts'
import { Secret } from '../../src/kit/secret.ts'
import type { BlockDevice } from '../../src/volumes/block-device.ts'

/** Passwords set inside filesystems that mkfs made, with e2fsck and debugfs as judges. */
const MIB = 1024 * 1024
const START = MIB
const SHADOW = ['root:*:19000:0:99999:7:::', 'daemon:*:19000:0:99999:7:::', 'alice:!:19000:0:99999:7:::', ''].join('\n')
const NOW = Date.UTC(2026, 10, 21, 12)
const HASH = `$6$salt$${'h'.repeat(86)}`

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'rv-volume-password-'))
  mkdirSync(join(dir, 'root/etc'), { recursive: true })
  // Neighbours, so that the directory and the inode's block are no toys.
  for (let i = 0; i < 300; i++) writeFileSync(join(dir, `root/etc/neighbour-${i}`), `${i}`)
  writeFileSync(join(dir, 'root/etc/shadow'), SHADOW)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function filesystem(name: string, options: readonly string[], mib = 24): string {
  const path = join(dir, name)
  const file = openSync(path, 'w')
  ftruncateSync(file, mib * MIB)
  closeSync(file)
  execFileSync('mke2fs', ['-q', '-F', '-d', join(dir, 'root'), ...options, path], { stdio: 'pipe' })
  return path
}

/** The filesystem as the second partition of a GPT disk, as a device in memory. */
function disk(path: string) {
  const content = readFileSync(path)
  const whole = join(dir, 'disk')
  const file = openSync(whole, 'w')
  ftruncateSync(file, START + content.length + 2 * MIB)
  closeSync(file)
  const end = (START + content.length) / 512 - 1
  const partitions = ['-n', '1:64:127', '-t', '1:ef02', '-n', `2:${START / 512}:${end}`]
  execFileSync('sgdisk', ['-a', '1', ...partitions, whole], { stdio: 'pipe' })
  const bytes = readFileSync(whole)
  bytes.set(content, START)
  const writes: { at: number; bytes: number }[] = []
  let flushes = 0
  const device: BlockDevice = {
    bytes: bytes.length,
    readOnly: false,
    read(into, at) {
      if (at % 512 !== 0 || into.length % 512 !== 0) throw new Error('not whole sectors')
      into.set(bytes.subarray(at, at + into.length))
      return undefined
    },
    write(parts, at) {
      for (const part of parts) {
        if (at % 512 !== 0 || part.length % 512 !== 0) throw new Error('not whole sectors')
        writes.push({ at, bytes: part.length })
        bytes.set(part, at)
        at += part.length
      }
      return undefined
    },
    zero: () => undefined,
    flush: async () => void flushes++,
    allocation: () => ({ mapped: true, bytes: bytes.length }),
    close: async () => undefined,
  }
  return {
    device,
    writes,
    flushes: () => flushes,
    /** The filesystem as it is now, in a file. */
    out() {
      const path = join(dir, 'out')
      const file = openSync(path, 'w')
      writeSync(file, bytes, START, content.length)
      closeSync(file)
      return path
    },
  }
}

const cat = (path: string) =>
  execFileSync('debugfs', ['-R', 'cat /etc/shadow', path], { encoding: 'utf8', stdio: 'pipe' })
const check = (path: string) => execFileSync('e2fsck', ['-fn', path], { encoding: 'utf8', stdio: 'pipe' })

describe('a password in a volume', () => {
  test.each([
    ['ext4 as Debian makes it', ['-t', 'ext4']],
    ['ext4 with small blocks and inodes', ['-t', 'ext4', '-b', '1024', '-I', '128', '-O', '^metadata_csum']],
    ['ext4 without checksums and 64 bits', ['-t', 'ext4', '-O', '^metadata_csum,^64bit']],
    ['ext4 whose checksums have a seed', ['-t', 'ext4', '-O', 'metadata_csum_seed']],
    ['ext3', ['-t', 'ext3']],
    ['ext2', ['-t', 'ext2', '-b', '1024']],
  ])('is set in %s, and e2fsck finds nothing wrong', async (_name, options) => {
    const { device, writes, flushes, out } = disk(filesystem('fs', options))
    await setVolumePassword(device, { user: 'alice' }, HASH, NOW)
    const path = out()
    expect(cat(path)).toBe(SHADOW.replace('alice:!:19000', `alice:${HASH}:20778`))
    check(path)
    expect(writes).toHaveLength(2)
    expect(flushes()).toBe(2)
    // Shorter again: a lock.
    await setVolumePassword(device, { user: 'alice' }, '!', NOW)
    expect(cat(out())).toBe(SHADOW.replace('alice:!:19000', 'alice:!:20778'))
    check(out())
  })

  test('has the hash that openssl makes, which crypt(3) finds right', async () => {
    const hash = await hashPassword(new Secret('pä$$ "word"'))
    const salt = hash.split('$')[2]!
    const again = execFileSync('openssl', ['passwd', '-6', '-salt', salt, '-stdin'], {
      input: 'pä$$ "word"\n',
      encoding: 'utf8',
    })
    expect(again.trim()).toBe(hash)
    expect(await hashPassword(new Secret('x'))).not.toBe(await hashPassword(new Secret('x')))
    await expect(hashPassword(new Secret('ü'.repeat(200)))).rejects.toMatchObject({ code: 'validation-failed' })
  })

  test('is refused, and nothing written, when the filesystem was not ended cleanly', async () => {
    const path = filesystem('fs', ['-t', 'ext4'])
    execFileSync('debugfs', ['-w', '-R', 'feature needs_recovery', path], { stdio: 'pipe' })
    const { device, writes } = disk(path)
    await expect(setVolumePassword(device, { user: 'alice' }, HASH, NOW)).rejects.toThrow('was not ended cleanly')
    expect(writes).toEqual([])
  })

  test('is refused for a user that is not there, and where there is no such file', async () => {
    const { device, writes } = disk(filesystem('fs', ['-t', 'ext4']))
    await expect(setVolumePassword(device, { user: 'bob' }, HASH, NOW)).rejects.toMatchObject({ code: 'not-found' })
    const empty = join(dir, 'empty')
    const file = openSync(empty, 'w')
    ftruncateSync(file, 24 * MIB)
    closeSync(file)
    execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', empty], { stdio: 'pipe' })
    await expect(setVolumePassword(disk(empty).device, { user: 'bob' }, HASH, NOW)).rejects.toThrow(
      'no ext2, ext3 or ext4',
    )
    expect(writes).toEqual([])
  })

  test('is refused when the file has no room left in its blocks', async () => {
    const full = `${SHADOW}${'user:*:19000:0:99999:7:::\n'.repeat(200)}`.slice(0, 4050)
    writeFileSync(join(dir, 'root/etc/shadow'), full)
    const { device, writes } = disk(filesystem('fs', ['-t', 'ext4', '-b', '4096']))
    writeFileSync(join(dir, 'root/etc/shadow'), SHADOW)
    await expect(setVolumePassword(device, { user: 'alice' }, HASH, NOW)).rejects.toThrow('no room left in its blocks')
    expect(writes).toEqual([])
  })
})
